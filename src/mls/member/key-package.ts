import type { Extension } from "../codec/extension.ts"
import { encodeKeyPackage, keyPackageToBeSigned } from "../codec/key-package.ts"
import type { Lifetime } from "../codec/leaf-node.ts"
import { PROTOCOL_VERSION_MLS10 } from "../codec/protocol.ts"
import { keyPackageRef, signWithLabel } from "../labels.ts"
import type { CipherSuite } from "../suite.ts"
import { leafContent, type OwnLeaf, signLeaf } from "./leaf.ts"
import { freshKeyPair } from "./treekem.ts"

/** What a client keeps of a KeyPackage until it joined with it; the caller's to wipe. */
export interface KeyPackageSecrets {
  readonly initSecretKey: Uint8Array
  readonly encryptionSecretKey: Uint8Array
  readonly signatureSecret: Uint8Array
}

export interface OwnKeyPackage {
  /** A bare KeyPackage, not one in an MLSMessage. */
  readonly keyPackage: Uint8Array
  readonly ref: Uint8Array
  readonly secrets: KeyPackageSecrets
}

/** Makes a KeyPackage with fresh keys (RFC 9420 section 10). */
export function createKeyPackage(
  suite: CipherSuite,
  own: OwnLeaf,
  lifetime: Lifetime,
  extensions: readonly Extension[] = [],
): OwnKeyPackage {
  const init = freshKeyPair(suite)
  const leaf = freshKeyPair(suite)
  const { signatureSecret } = own
  const source = { kind: "keyPackage", lifetime } as const
  const content = { ...leafContent(suite, own), encryptionKey: leaf.publicKey, source }
  const unsigned = {
    version: PROTOCOL_VERSION_MLS10,
    cipherSuite: suite.id,
    initKey: init.publicKey,
    leafNode: signLeaf(suite, content, signatureSecret, undefined),
    extensions,
  }
  const signature = signWithLabel(suite, signatureSecret, "KeyPackageTBS", keyPackageToBeSigned(unsigned))
  const keyPackage = encodeKeyPackage({ ...unsigned, signature })
  return {
    keyPackage,
    ref: keyPackageRef(suite, keyPackage),
    secrets: {
      initSecretKey: init.secretKey,
      encryptionSecretKey: leaf.secretKey,
      signatureSecret: signatureSecret.slice(),
    },
  }
}
