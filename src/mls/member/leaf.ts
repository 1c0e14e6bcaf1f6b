import type { Capabilities } from "../codec/capabilities.ts"
import type { Credential } from "../codec/credential.ts"
import type { Extension } from "../codec/extension.ts"
import { type LeafNode, type LeafPlace, leafNodeToBeSigned } from "../codec/leaf-node.ts"
import { signWithLabel } from "../labels.ts"
import type { CipherSuite } from "../suite.ts"

/** What a leaf says about its member, whatever key it has at the moment. */
export interface LeafContent {
  readonly signatureKey: Uint8Array
  readonly credential: Credential
  readonly capabilities: Capabilities
  readonly extensions: readonly Extension[]
}

/** How a client appears in a group. The signature secret stays the caller's to wipe. */
export interface OwnLeaf extends Omit<LeafContent, "signatureKey"> {
  readonly signatureSecret: Uint8Array
}

export function leafContent(suite: CipherSuite, own: OwnLeaf): LeafContent {
  const { signatureSecret, credential, capabilities, extensions } = own
  return { signatureKey: suite.signaturePublic(signatureSecret), credential, capabilities, extensions }
}

/** Signs a leaf (RFC 9420 section 7.2) for its place; leaves of KeyPackages have none. */
export function signLeaf(
  suite: CipherSuite,
  leaf: Omit<LeafNode, "signature">,
  signatureSecret: Uint8Array,
  place: LeafPlace | undefined,
): LeafNode {
  const { encryptionKey, signatureKey, credential, capabilities, source, extensions } = leaf
  const unsigned = { encryptionKey, signatureKey, credential, capabilities, source, extensions }
  const signed = leafNodeToBeSigned(unsigned, place)
  return { ...unsigned, signature: signWithLabel(suite, signatureSecret, "LeafNodeTBS", signed) }
}
