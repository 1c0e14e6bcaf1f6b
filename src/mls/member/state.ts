import type { Extension } from "../codec/extension.ts"
import type { GroupContext } from "../codec/group-context.ts"
import type { ReInit } from "../codec/proposal.ts"
import { check } from "../error.ts"
import type { AuthenticatedProposal } from "../observer/proposal.ts"
import type { PublicGroupState } from "../observer/state.ts"
import type { CipherSuite } from "../suite.ts"
import type { FlatTree } from "../tree/flat-tree.ts"
import type { EpochSecrets } from "./key-schedule.ts"
import type { PrivateTree } from "./private-tree.ts"
import type { ResumptionPsk } from "./psks.ts"
import { memberRules } from "./rules.ts"
import type { SecretTree } from "./secret-tree.ts"

/** Epochs whose application messages still open after a commit, for what was on its way. */
export const PAST_EPOCHS_MAX = 8
/** Epochs, the current one included, whose resumption PSK is kept. */
export const RESUMPTION_PSKS_MAX = 32
/** Proposals of one epoch that are kept for a commit that names them. */
export const PROPOSALS_MAX = 4_096

/** An own Update that a commit may name: the new leaf's secrets, found by its public key. */
export interface PendingUpdate {
  readonly encryptionKey: Uint8Array
  readonly encryptionSecretKey: Uint8Array
  readonly signatureSecret: Uint8Array
}

/** What reads late messages of an epoch that is over. */
export interface PastEpoch {
  /** As it was; its epoch and its bytes are part of what senders signed. */
  readonly context: GroupContext
  readonly leafWidth: number
  /** Signature keys of the leaves that the epoch's last commit changed, as they were; undefined where nobody was. */
  readonly changed: ReadonlyMap<number, Uint8Array | undefined>
  readonly senderDataSecret: Uint8Array
  readonly secretTree: SecretTree
}

/** What a member has that an observer has not. */
export interface MemberSecrets {
  readonly privateTree: PrivateTree
  readonly epoch: EpochSecrets
  readonly secretTree: SecretTree
  /** By the lower-case hexadecimal form of their reference. */
  readonly proposals: ReadonlyMap<string, AuthenticatedProposal>
  readonly updates: readonly PendingUpdate[]
  /** Newest first. */
  readonly past: readonly PastEpoch[]
  /** Newest first; the current epoch's is the first. */
  readonly resumptions: readonly ResumptionPsk[]
}

/** A member at one moment. Never changed: every operation makes the next one. */
export interface MemberState {
  readonly suite: CipherSuite
  readonly group: PublicGroupState
  readonly tree: FlatTree
  readonly leaf: number
  readonly signatureSecret: Uint8Array
  /** What the group was reinitialized with; from then on it takes no commits and proposals (RFC 9420 section 11.2). */
  readonly reInit: ReInit | undefined
  /** Undefined once the member was removed. */
  readonly secrets: MemberSecrets | undefined
}

/** The secrets of somebody who is a member. Throws MlsError once it was removed. */
export function secretsOf(state: MemberState): MemberSecrets {
  check(state.secrets !== undefined, memberRules.groupClosed)
  return state.secrets
}

/** The same, of a group that can still change. Throws MlsError. */
export function changeableSecrets(state: MemberState): MemberSecrets {
  check(state.reInit === undefined, memberRules.groupClosed)
  return secretsOf(state)
}

/** A state with some of its secrets replaced. */
export function withSecrets(state: MemberState, change: Partial<MemberSecrets>): MemberState {
  return { ...state, secrets: { ...secretsOf(state), ...change } }
}

/** The context that a path is encrypted under: the next one with the transcript hash of now (RFC 9420 section 12.4.2). */
export function provisionalContext(
  context: GroupContext,
  treeHash: Uint8Array,
  extensions: readonly Extension[],
): GroupContext {
  return { ...context, epoch: context.epoch + 1n, treeHash, extensions }
}
