import { equal } from "../../wire/bytes.ts"
import { decodeGroupInfo, type GroupInfo } from "../codec/group-info.ts"
import { SUITE_HASH_BYTES } from "../codec/protocol.ts"
import { check, decoding } from "../error.ts"
import { checkLifetime, clockOf, leafAt } from "../group/leaf-validity.ts"
import { interimTranscriptHash } from "../group/transcript.ts"
import { checkTree } from "../group/tree-validity.ts"
import { rules } from "../rules.ts"
import type { CipherSuite } from "../suite.ts"
import { FlatTree } from "../tree/flat-tree.ts"
import { checkGroupInfoExtensions, checkGroupInfoSignature } from "./group-info.ts"
import type { PublicGroupState } from "./state.ts"

/** A group as the observer first sees it. */
export interface ObservedGroup {
  readonly state: PublicGroupState
  readonly tree: FlatTree
  readonly groupInfo: GroupInfo
}

/**
 * Takes up a group from a bare GroupInfo and a `ratchet_tree`, checking what someone who joins would (RFC 9420 sections
 * 8.1, 11, 12.4.3.1): suite, tree hash, every leaf with its lifetime, parent hashes, keys, capabilities, and the
 * signature; and that the GroupInfo lets others join from outside. The confirmation tag only members can check. `now`
 * and `maximumLifetime` are in seconds. The result does not share bytes with the input. Throws MlsError.
 */
export function observeCreation(
  suite: CipherSuite,
  groupInfoBytes: Uint8Array,
  ratchetTreeBytes: Uint8Array,
  now: bigint,
  maximumLifetime?: bigint,
): ObservedGroup {
  const groupInfo = decoding(() => decodeGroupInfo(groupInfoBytes.slice()))
  checkGroupInfoExtensions(suite, groupInfo.extensions)
  const tree = FlatTree.decode(suite, ratchetTreeBytes)
  const observed = observeGroup(suite, groupInfo, tree)
  const clock = clockOf(now, maximumLifetime)
  for (const leaf of tree.members()) checkLifetime(leafAt(tree, leaf), clock)
  return observed
}

/** The part of {@link observeCreation} that holds at any time of a group's life. Throws MlsError. */
export function observeGroup(suite: CipherSuite, groupInfo: GroupInfo, tree: FlatTree): ObservedGroup {
  const { groupContext: context, confirmationTag } = groupInfo
  check(context.cipherSuite === suite.id, rules.unsupportedSuite)
  check(confirmationTag.length === SUITE_HASH_BYTES, rules.tagLength)
  const { confirmedTranscriptHash: confirmed } = context
  check(confirmed.length === (context.epoch === 0n ? 0 : SUITE_HASH_BYTES), rules.transcriptHashLength)
  check(equal(context.treeHash, tree.rootHash()), rules.treeHash)
  checkGroupInfoSignature(suite, tree, groupInfo)
  checkTree(suite, tree, context.groupId, context.extensions)
  const interim = interimTranscriptHash(suite, confirmed, confirmationTag)
  return { state: { context, interimTranscriptHash: interim, confirmationTag }, tree, groupInfo }
}
