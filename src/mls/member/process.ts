import { CryptoError } from "../../crypto/provider.ts"
import { wipe } from "../../crypto/wipe.ts"
import { equal, equalConstantTime, toHex } from "../../wire/bytes.ts"
import { encodeGroupContext } from "../codec/group-context.ts"
import type { UpdatePath } from "../codec/update-path.ts"
import { check, MlsError } from "../error.ts"
import type { Policy } from "../group/policy.ts"
import { type StagedCommit, stageCommit } from "../observer/commit.ts"
import { type AuthenticatedProposal, acceptProposal } from "../observer/proposal.ts"
import { rules } from "../rules.ts"
import { type Advanced, enterEpoch, leaveGroup } from "./epoch.ts"
import { type OpenedHandshake, withHandshake } from "./framing.ts"
import {
  confirmationTag,
  deriveEpoch,
  type EpochSecrets,
  externalInitReceiver,
  wipeEpoch,
} from "./key-schedule.ts"
import type { PrivateTree } from "./private-tree.ts"
import { pskSecret } from "./psk.ts"
import { findPsks, type PskLookup, pskIdsOf } from "./psks.ts"
import { memberRules } from "./rules.ts"
import {
  changeableSecrets,
  type MemberSecrets,
  type MemberState,
  type PendingUpdate,
  PROPOSALS_MAX,
  provisionalContext,
  secretsOf,
  withSecrets,
} from "./state.ts"
import { receivePath } from "./treekem.ts"

/** How a member looks at others' handshakes. */
export interface ProcessOptions extends Policy {
  readonly psks?: PskLookup
  /** The most Adds a commit may hold; without it, any number. */
  readonly maximumAdds?: number
}

/** What a handshake did. */
export type Processed = Advanced &
  (
    | { readonly kind: "proposal"; readonly proposal: AuthenticatedProposal }
    | {
        readonly kind: "commit"
        readonly commit: StagedCommit
        /** This member is no longer in the group; the next state has no secrets. */
        readonly selfRemoved: boolean
      }
  )

/**
 * Processes a Proposal or Commit of somebody else, PublicMessage or PrivateMessage, for the current epoch (RFC 9420
 * section 12.4.2). A proposal is kept until the epoch ends. Throws MlsError, and then nothing has changed.
 */
export function processHandshake(
  state: MemberState,
  message: Uint8Array,
  options: ProcessOptions,
): Processed {
  changeableSecrets(state)
  return withHandshake(state, message.slice(), (opened) => processOpened(state, opened, options))
}

function processOpened(state: MemberState, opened: OpenedHandshake, options: ProcessOptions): Processed {
  const { handshake, next } = opened
  if (handshake.framed.content.kind === "proposal") {
    const proposal = acceptProposal(state.suite, state.group, state.tree, handshake, options)
    return { kind: "proposal", proposal, next: storeProposal(next, proposal), consumed: opened.consumed }
  }
  const proposals = secretsOf(state).proposals
  const staged = stageCommit(state.suite, state.group, state.tree, handshake, { ...options, proposals })
  const { content } = handshake.framed
  const path = content.kind === "commit" ? content.commit.path : undefined
  const selfRemoved = staged.removed.includes(state.leaf)
  const advanced = selfRemoved
    ? leaveGroup(next, staged.next, staged.tree)
    : followCommit(next, staged, path, options.psks)
  return {
    kind: "commit",
    commit: staged,
    selfRemoved,
    next: advanced.next,
    consumed: [...opened.consumed, ...advanced.consumed],
  }
}

/** Keeps a proposal for the commits of this epoch. Throws MlsError if there are too many. */
export function storeProposal(state: MemberState, proposal: AuthenticatedProposal): MemberState {
  const proposals = new Map(secretsOf(state).proposals)
  check(proposals.size < PROPOSALS_MAX, memberRules.proposalsFull)
  return withSecrets(state, { proposals: proposals.set(toHex(proposal.ref), proposal) })
}

function followCommit(
  state: MemberState,
  staged: StagedCommit,
  path: UpdatePath | undefined,
  lookup: PskLookup | undefined,
): Advanced {
  const secrets = secretsOf(state)
  const { suite, group } = state
  const update = ownUpdate(state, secrets, staged)
  const fresh = new Map(update === undefined ? [] : [[2 * state.leaf, update.encryptionSecretKey]])
  const moved = secrets.privateTree.advance(state.tree, staged.tree, fresh)
  const psks = findPsks(pskIdsOf(staged.proposals), lookup, {
    groupId: group.context.groupId,
    resumptions: secrets.resumptions,
  })
  const { keys, commitSecret } = followedPath(state, staged, path, moved.tree)
  const initSecret = nextInitSecret(state, secrets, staged)
  const combinedPsk = pskSecret(suite, psks)
  const context = encodeGroupContext(staged.next.context)
  const derived = deriveEpoch(suite, { initSecret, commitSecret, pskSecret: combinedPsk, context })
  wipe(commitSecret, combinedPsk, derived.joinerSecret)
  if (initSecret !== secrets.epoch.init) wipe(initSecret)
  checkConfirmation(state, staged, derived.epoch, keys)
  return enterEpoch(state, {
    group: staged.next,
    tree: staged.tree,
    changed: changedLeaves(staged),
    epoch: derived.epoch,
    privateTree: moved.tree.with(keys),
    dropped: moved.dropped,
    signatureSecret: update?.signatureSecret ?? state.signatureSecret,
    proposals: staged.proposals,
  })
}

function changedLeaves(staged: StagedCommit): number[] {
  const added = staged.added.map(({ leaf }) => leaf)
  return [...new Set([...staged.removed, ...staged.updated, ...added, staged.committerLeaf])]
}

function ownUpdate(
  state: MemberState,
  secrets: MemberSecrets,
  staged: StagedCommit,
): PendingUpdate | undefined {
  if (!staged.updated.includes(state.leaf)) return undefined
  const key = staged.tree.leaf(state.leaf)?.encryptionKey
  const pending = secrets.updates.find(({ encryptionKey }) => key !== undefined && equal(encryptionKey, key))
  check(pending !== undefined, memberRules.ownUpdate)
  return pending
}

const SECRET_BYTES = 32

function followedPath(
  state: MemberState,
  staged: StagedCommit,
  path: UpdatePath | undefined,
  keys: PrivateTree,
): { keys: ReadonlyMap<number, Uint8Array>; commitSecret: Uint8Array } {
  if (path === undefined) return { keys: new Map(), commitSecret: new Uint8Array(SECRET_BYTES) }
  const { treeHash, extensions } = staged.next.context
  const received = {
    path,
    tree: staged.tree,
    committer: staged.committerLeaf,
    added: new Set(staged.added.map(({ leaf }) => leaf)),
    context: encodeGroupContext(provisionalContext(state.group.context, treeHash, extensions)),
  }
  return receivePath(state.suite, received, state.leaf, keys)
}

function nextInitSecret(state: MemberState, secrets: MemberSecrets, staged: StagedCommit): Uint8Array {
  const external = staged.proposals.find((proposal) => proposal.kind === "externalInit")
  if (external === undefined) return secrets.epoch.init
  try {
    return externalInitReceiver(state.suite, secrets.epoch.external, external.kemOutput)
  } catch (error) {
    if (error instanceof CryptoError) throw new MlsError(rules.externalKemOutput)
    throw error
  }
}

function checkConfirmation(
  state: MemberState,
  staged: StagedCommit,
  epoch: EpochSecrets,
  keys: ReadonlyMap<number, Uint8Array>,
): void {
  const { context, confirmationTag: sent } = staged.next
  const expected = confirmationTag(state.suite, epoch.confirmation, context.confirmedTranscriptHash)
  const confirmed = equalConstantTime(sent, expected)
  if (!confirmed) {
    wipeEpoch(epoch)
    wipe(...keys.values())
  }
  check(confirmed, memberRules.confirmationTag)
}
