import { toHex } from "../../wire/bytes.ts"
import type { Commit } from "../codec/commit.ts"
import { decodeExtensions, encodeExtensions } from "../codec/extension.ts"
import type { Sender } from "../codec/framing.ts"
import type { GroupContext } from "../codec/group-context.ts"
import { encodeKeyPackage, type KeyPackage } from "../codec/key-package.ts"
import type { Proposal } from "../codec/proposal.ts"
import { check } from "../error.ts"
import type { Policy } from "../group/policy.ts"
import type { CommittedProposal, ProposalContext } from "../group/proposal.ts"
import {
  type CommittedCustomProposal,
  checkExternalProposalList,
  checkProposalList,
  type ProposalList,
} from "../group/proposal-list.ts"
import { confirmedTranscriptHash, interimTranscriptHash } from "../group/transcript.ts"
import { keyPackageRef } from "../labels.ts"
import { rules } from "../rules.ts"
import type { CipherSuite } from "../suite.ts"
import type { FlatTree } from "../tree/flat-tree.ts"
import { applyCommit } from "./apply.ts"
import { checkEpoch, checkSignature, decodeHandshake, type Handshake } from "./handshake.ts"
import type { AuthenticatedProposal } from "./proposal.ts"
import type { PublicGroupState } from "./state.ts"

/** A member that a commit added. */
export interface AddedMember {
  readonly leaf: number
  readonly keyPackage: KeyPackage
  readonly keyPackageBytes: Uint8Array
  readonly ref: Uint8Array
}

/** Everything a valid commit changes; nothing is changed until the caller keeps it. */
export interface StagedCommit {
  readonly next: PublicGroupState
  readonly tree: FlatTree
  /** Leads from `tree` back to the tree before ({@link FlatTree.revert}). */
  readonly undo: Uint8Array
  readonly sender:
    | { readonly kind: "member"; readonly leaf: number }
    | { readonly kind: "new-member"; readonly leaf: number }
  /** The committer's leaf in the new tree. */
  readonly committerLeaf: number
  readonly added: readonly AddedMember[]
  readonly removed: readonly number[]
  /** Leaves replaced by Update proposals; the committer's own is not among them. */
  readonly updated: readonly number[]
  readonly hasPath: boolean
  readonly authenticatedData: Uint8Array
  /** What was committed, by value or by reference, in the commit's order. */
  readonly proposals: readonly Proposal[]
  /** Those of the application's own types, for it to act on, in the same order. */
  readonly custom: readonly CommittedCustomProposal[]
}

/** How a commit is looked at. */
export interface CommitOptions extends Policy {
  /** The proposals of this epoch that a commit may refer to, by the lower-case hexadecimal form of their reference. */
  readonly proposals?: ReadonlyMap<string, AuthenticatedProposal>
  /** The most Adds a commit may hold, checked before any of their signatures; without it, any number. */
  readonly maximumAdds?: number
}

/** The number of an epoch that no commit can end. */
export const LAST_EPOCH = 2n ** 64n - 1n

/**
 * Validates a commit without knowing any secret of the group, and says what the next epoch looks like: framing and
 * signature (RFC 9420 section 6), the list of proposals (12.2), their application (12.3), the path (7.5 to 7.9) and the
 * transcript (8.2).
 *
 * Only members can check three things, and no caller may rely on them: the membership tag, the confirmation tag, and
 * whether the path's ciphertexts open to the secrets of the path's keys. PSKs are not available either.
 *
 * Throws MlsError. The result shares bytes with `state` but not with `mlsMessage`, `proposals` and
 * `authenticatedData` excepted.
 */
export function observeCommit(
  suite: CipherSuite,
  state: PublicGroupState,
  tree: FlatTree,
  mlsMessage: Uint8Array,
  options: CommitOptions,
): StagedCommit {
  return stageCommit(suite, state, tree, decodeHandshake(mlsMessage), options)
}

/** {@link observeCommit} of a commit that is decoded, or decrypted, already. Throws MlsError. */
export function stageCommit(
  suite: CipherSuite,
  state: PublicGroupState,
  tree: FlatTree,
  handshake: Handshake,
  options: CommitOptions,
): StagedCommit {
  const { content, sender } = handshake.framed
  check(content.kind === "commit", rules.notCommit)
  const { commit } = content
  checkEpoch(state.context, handshake)
  check(state.context.epoch < LAST_EPOCH, rules.epochExhausted)
  checkSender(suite, state, tree, handshake, commit)

  const proposals = resolve(commit, sender, options)
  const adds = proposals.filter(({ proposal }) => proposal.kind === "add")
  check(adds.length <= (options.maximumAdds ?? Number.POSITIVE_INFINITY), rules.tooManyAdds)
  const list = checkProposals({ suite, group: state.context, tree, policy: options }, sender, proposals)
  check(sender.kind !== "member" || commit.path !== undefined || list.pathOptional, rules.pathRequired)
  const applied = applyCommit({ suite, context: state.context, tree }, list, commit.path, sender)

  return {
    next: nextState(
      suite,
      nextContext(suite, state, handshake, applied.tree.rootHash(), list),
      (handshake.confirmationTag as Uint8Array).slice(),
    ),
    tree: applied.tree,
    undo: applied.undo,
    sender: { kind: sender.kind === "member" ? "member" : "new-member", leaf: applied.committerLeaf },
    committerLeaf: applied.committerLeaf,
    added: list.adds.map((keyPackage, i) => {
      const keyPackageBytes = encodeKeyPackage(keyPackage)
      const leaf = applied.addedLeaves[i] as number
      return { leaf, keyPackage, keyPackageBytes, ref: keyPackageRef(suite, keyPackageBytes) }
    }),
    removed: list.removes,
    updated: list.updates.map(({ leaf }) => leaf),
    hasPath: commit.path !== undefined,
    authenticatedData: handshake.framed.authenticatedData,
    proposals: proposals.map(({ proposal }) => proposal),
    custom: list.custom,
  }
}

function checkSender(
  suite: CipherSuite,
  state: PublicGroupState,
  tree: FlatTree,
  handshake: Handshake,
  commit: Commit,
): void {
  const { sender } = handshake.framed
  if (sender.kind === "member") {
    checkSignature(suite, state.context, handshake, tree.signatureKey(sender.leafIndex))
    return
  }
  check(sender.kind === "newMemberCommit", rules.senderType)
  check(commit.path !== undefined, rules.externalPath)
  checkSignature(suite, state.context, handshake, commit.path.leafNode.signatureKey)
}

/** The committed proposals with their senders; those by reference have to be known. */
function resolve(commit: Commit, committer: Sender, options: CommitOptions): CommittedProposal[] {
  const seen = new Set<string>()
  return commit.proposals.map((item) => {
    if (item.kind === "proposal") return { proposal: item.proposal, sender: committer }
    const ref = toHex(item.reference)
    check(!seen.has(ref), rules.duplicateReference)
    seen.add(ref)
    const known = options.proposals?.get(ref)
    check(known !== undefined, rules.unknownProposal)
    return known
  })
}

/** Checks what a commit of this sender commits (RFC 9420 section 12.2). Throws MlsError. */
export function checkProposals(
  context: ProposalContext,
  sender: Sender,
  proposals: readonly CommittedProposal[],
): ProposalList {
  return sender.kind === "member"
    ? checkProposalList(context, proposals, sender.leafIndex)
    : checkExternalProposalList(context, proposals)
}

/** The context of the epoch that a commit begins (RFC 9420 sections 8.1 and 8.2). */
export function nextContext(
  suite: CipherSuite,
  state: PublicGroupState,
  handshake: Handshake,
  treeHash: Uint8Array,
  list: ProposalList,
): GroupContext {
  const { context } = state
  const extensions =
    list.groupContextExtensions === undefined
      ? context.extensions
      : decodeExtensions(encodeExtensions(list.groupContextExtensions))
  const { transcriptInput } = handshake
  return {
    ...context,
    epoch: context.epoch + 1n,
    treeHash,
    confirmedTranscriptHash: confirmedTranscriptHash(suite, state.interimTranscriptHash, transcriptInput),
    extensions,
  }
}

/** The state of an epoch with its confirmation tag. */
export function nextState(
  suite: CipherSuite,
  context: GroupContext,
  confirmationTag: Uint8Array,
): PublicGroupState {
  const interim = interimTranscriptHash(suite, context.confirmedTranscriptHash, confirmationTag)
  return { context, interimTranscriptHash: interim, confirmationTag }
}
