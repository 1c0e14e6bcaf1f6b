import type { Sender } from "../codec/framing.ts"
import { encodeGroupContext } from "../codec/group-context.ts"
import type { KeyPackage } from "../codec/key-package.ts"
import type { UpdatePath } from "../codec/update-path.ts"
import { check } from "../error.ts"
import type { Policy } from "../group/policy.ts"
import type { ProposalList } from "../group/proposal-list.ts"
import { signWithLabel } from "../labels.ts"
import { applyProposals, type Epoch, finishCommit, type ProposalsApplied } from "../observer/apply.ts"
import { checkProposals, LAST_EPOCH, nextContext, nextState } from "../observer/commit.ts"
import { composeHandshake, type Handshake, toBeSigned } from "../observer/handshake.ts"
import type { PublicGroupState } from "../observer/state.ts"
import { rules } from "../rules.ts"
import type { CipherSuite } from "../suite.ts"
import type { FlatTree } from "../tree/flat-tree.ts"
import { rootOf } from "../tree/math.ts"
import type { CommitItem } from "./commit-item.ts"
import { confirmationTag, deriveEpoch, type EpochSecrets } from "./key-schedule.ts"
import type { LeafContent } from "./leaf.ts"
import { pskSecret } from "./psk.ts"
import type { NamedPsk } from "./psks.ts"
import { provisionalContext } from "./state.ts"
import { makePath, type NewPath, sealPath } from "./treekem.ts"

/** What a commit is made of, whoever makes it. */
export interface CommitInput {
  readonly suite: CipherSuite
  readonly group: PublicGroupState
  readonly tree: FlatTree
  readonly sender: Sender
  readonly policy: Policy
  /** What is committed, in order. */
  readonly items: readonly CommitItem[]
  readonly psks: readonly NamedPsk[]
  /** Without a path if the proposals allow it. */
  readonly withoutPath: boolean
  /** The committer's leaf after the commit. */
  readonly content: LeafContent
  /** The secret of the key in `content`. */
  readonly leafSignatureSecret: Uint8Array
  /** The secret of the key that the message is verified with. */
  readonly signatureSecret: Uint8Array
  readonly initSecret: Uint8Array
  readonly wireFormat: number
  readonly authenticatedData: Uint8Array
}

/** A commit with everything that follows from it. */
export interface BuiltCommit {
  readonly handshake: Handshake
  readonly group: PublicGroupState
  readonly tree: FlatTree
  readonly committerLeaf: number
  readonly path: NewPath | undefined
  /** The caller's to wipe. */
  readonly joinerSecret: Uint8Array
  /** The caller's to wipe. */
  readonly pskSecret: Uint8Array
  readonly epoch: EpochSecrets
  readonly list: ProposalList
  readonly added: readonly { readonly leaf: number; readonly keyPackage: KeyPackage }[]
  /** Leaves that are not as they were. */
  readonly changed: readonly number[]
}

const SECRET_BYTES = 32

/**
 * Makes a commit and the epoch after it (RFC 9420 section 12.4.1): checks and applies the proposals, makes the path,
 * signs, and runs the key schedule. Throws MlsError.
 */
export function buildCommit(input: CommitInput): BuiltCommit {
  const { suite, group, tree, sender, psks } = input
  const { context } = group
  check(context.epoch < LAST_EPOCH, rules.epochExhausted)
  const committed = input.items.map((item) => item.committed)
  const proposalContext = { suite, group: context, tree, policy: input.policy }
  const list = checkProposals(proposalContext, sender, committed)
  const epoch: Epoch = { suite, context, tree }
  const applied = applyProposals(epoch, list, sender)
  const withPath = !(input.withoutPath && list.pathOptional)
  const { path, updatePath } = withPath ? addPath(input, applied, list) : NO_PATH
  const finished = finishCommit(epoch, list, applied)

  const commit = { proposals: input.items.map(({ item }) => item), path: updatePath }
  const framed = {
    groupId: context.groupId,
    epoch: context.epoch,
    sender,
    authenticatedData: input.authenticatedData,
    content: { kind: "commit" as const, commit },
  }
  const signed = toBeSigned(input.wireFormat, framed, context)
  const signature = signWithLabel(suite, input.signatureSecret, "FramedContentTBS", signed)
  const unconfirmed = composeHandshake(input.wireFormat, framed, { signature, confirmationTag: undefined })
  const next = nextContext(suite, group, unconfirmed, finished.tree.rootHash(), list)
  const commitSecret = path?.commitSecret ?? new Uint8Array(SECRET_BYTES)
  const combinedPsk = pskSecret(suite, psks)
  const derived = deriveEpoch(suite, {
    initSecret: input.initSecret,
    commitSecret,
    pskSecret: combinedPsk,
    context: encodeGroupContext(next),
  })
  const tag = confirmationTag(suite, derived.epoch.confirmation, next.confirmedTranscriptHash)
  const handshake = composeHandshake(input.wireFormat, framed, { signature, confirmationTag: tag })
  return {
    handshake,
    group: nextState(suite, next, tag),
    tree: finished.tree,
    committerLeaf: applied.committerLeaf,
    path,
    joinerSecret: derived.joinerSecret,
    pskSecret: combinedPsk,
    epoch: derived.epoch,
    list,
    added: list.adds.map((keyPackage, i) => ({ leaf: applied.addedLeaves[i] as number, keyPackage })),
    changed: changedLeaves(list, applied),
  }
}

const NO_PATH: { path: NewPath | undefined; updatePath: UpdatePath | undefined } = {
  path: undefined,
  updatePath: undefined,
}

function addPath(
  input: CommitInput,
  applied: ProposalsApplied,
  list: ProposalList,
): { path: NewPath; updatePath: UpdatePath } {
  const { suite, group, content, leafSignatureSecret } = input
  const { edit, committerLeaf, addedLeaves } = applied
  const place = { groupId: group.context.groupId, leafIndex: committerLeaf }
  const path = makePath(suite, edit, place, content, leafSignatureSecret)
  applied.fresh.set(committerLeaf, path.leafNode)
  const extensions = list.groupContextExtensions ?? group.context.extensions
  const context = provisionalContext(group.context, edit.hash(rootOf(edit.leafWidth)).slice(), extensions)
  const updatePath = sealPath(suite, edit, path, encodeGroupContext(context), new Set(addedLeaves))
  return { path, updatePath }
}

function changedLeaves(list: ProposalList, applied: ProposalsApplied): number[] {
  return [...new Set([...list.removes, ...applied.fresh.keys(), applied.committerLeaf])]
}
