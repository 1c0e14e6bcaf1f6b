import { type Extension, findExtension } from "../codec/extension.ts"
import { decodeExternalPub } from "../codec/group-extensions.ts"
import { encodeGroupInfo, type GroupInfo, groupInfoToBeSigned } from "../codec/group-info.ts"
import { ExtensionType } from "../codec/protocol.ts"
import { check, decoding } from "../error.ts"
import { checkExtensionList } from "../group/leaf-validity.ts"
import { verifyWithLabel } from "../labels.ts"
import { rules } from "../rules.ts"
import type { CipherSuite } from "../suite.ts"
import type { FlatTree } from "../tree/flat-tree.ts"
import type { PublicGroupState } from "./state.ts"

/**
 * Checks the extensions of a GroupInfo that is handed to people who join: one `external_pub` in the RFC's form, and no
 * tree, which the server has itself. Throws MlsError.
 */
export function checkGroupInfoExtensions(suite: CipherSuite, extensions: readonly Extension[]): void {
  checkExtensionList(extensions)
  check(findExtension(extensions, ExtensionType.ratchetTree) === undefined, rules.groupInfoRatchetTree)
  const externalPub = findExtension(extensions, ExtensionType.externalPub)
  check(externalPub !== undefined, rules.groupInfoExternalPub)
  const key = decoding(() => decodeExternalPub(externalPub), rules.groupInfoExternalPub)
  check(suite.isHpkePublicKey(key), rules.groupInfoExternalPub)
}

/** Throws MlsError unless the GroupInfo is signed by the member it names (RFC 9420 section 12.4.3). */
export function checkGroupInfoSignature(suite: CipherSuite, tree: FlatTree, info: GroupInfo): void {
  check(tree.hasLeaf(info.signer), rules.groupInfoSigner)
  const signed = groupInfoToBeSigned(info)
  const key = tree.signatureKey(info.signer)
  check(verifyWithLabel(suite, key, "GroupInfoTBS", signed, info.signature), rules.groupInfoSignature)
}

/**
 * Rebuilds an epoch's GroupInfo from what the observer knows and what the committer sent with the commit: the
 * extensions, which hold `external_pub` and change every epoch, and the signature. Returns the encoded GroupInfo. Throws
 * MlsError.
 */
export function verifyGroupInfo(
  suite: CipherSuite,
  state: PublicGroupState,
  tree: FlatTree,
  extensions: readonly Extension[],
  signer: number,
  signature: Uint8Array,
): Uint8Array {
  checkGroupInfoExtensions(suite, extensions)
  const { context, confirmationTag } = state
  const info = { groupContext: context, extensions, confirmationTag, signer, signature }
  checkGroupInfoSignature(suite, tree, info)
  return encodeGroupInfo(info)
}
