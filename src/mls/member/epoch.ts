import { wipe } from "../../crypto/wipe.ts"
import { decodeExtensions, encodeExtensions } from "../codec/extension.ts"
import type { Proposal, ReInit } from "../codec/proposal.ts"
import type { PublicGroupState } from "../observer/state.ts"
import type { FlatTree } from "../tree/flat-tree.ts"
import type { EpochSecrets } from "./key-schedule.ts"
import type { PrivateTree } from "./private-tree.ts"
import { SecretTree } from "./secret-tree.ts"
import {
  type MemberSecrets,
  type MemberState,
  PAST_EPOCHS_MAX,
  type PastEpoch,
  RESUMPTION_PSKS_MAX,
  secretsOf,
} from "./state.ts"

/** Where a commit leads. */
export interface NextEpoch {
  readonly group: PublicGroupState
  readonly tree: FlatTree
  /** Leaves that are not as they were. */
  readonly changed: readonly number[]
  readonly epoch: EpochSecrets
  readonly privateTree: PrivateTree
  /** Keys that the new private tree no longer has. */
  readonly dropped: readonly Uint8Array[]
  readonly signatureSecret: Uint8Array
  /** What was committed. */
  readonly proposals: readonly Proposal[]
}

/** A next state and the secrets that nothing in it needs, to be overwritten once it is stored. */
export interface Advanced {
  readonly next: MemberState
  readonly consumed: readonly Uint8Array[]
}

/**
 * The secrets with which a member begins, without any past. The encryption secret of `epoch` is overwritten: from now on
 * the secret tree alone has what has not been used of it.
 */
export function firstSecrets(
  start: Pick<MemberState, "suite" | "group" | "tree">,
  epoch: EpochSecrets,
  privateTree: PrivateTree,
): MemberSecrets {
  const { suite, group, tree } = start
  const secretTree = SecretTree.create(suite, epoch.encryption, tree.leafWidth)
  wipe(epoch.encryption)
  return {
    privateTree,
    epoch,
    secretTree,
    proposals: new Map(),
    updates: [],
    past: [],
    resumptions: [{ epoch: group.context.epoch, psk: epoch.resumption.slice() }],
  }
}

/** The epoch that ends, as far as late messages need it. */
function pastOf(state: MemberState, secrets: MemberSecrets, changed: readonly number[]): PastEpoch {
  const { tree, group } = state
  const keyAt = (leaf: number) => (tree.hasLeaf(leaf) ? tree.signatureKey(leaf).slice() : undefined)
  return {
    context: group.context,
    leafWidth: tree.leafWidth,
    changed: new Map(changed.map((leaf) => [leaf, keyAt(leaf)])),
    senderDataSecret: secrets.epoch.senderData.slice(),
    secretTree: secrets.secretTree,
  }
}

function updateSecrets(secrets: MemberSecrets, except: readonly Uint8Array[]): Uint8Array[] {
  return secrets.updates
    .flatMap(({ encryptionSecretKey, signatureSecret }) => [encryptionSecretKey, signatureSecret])
    .filter((secret) => !except.includes(secret))
}

/** As a copy. */
function reInitAmong(proposals: readonly Proposal[]): ReInit | undefined {
  const found = proposals.find((proposal) => proposal.kind === "reInit")
  if (found === undefined) return undefined
  const extensions = decodeExtensions(encodeExtensions(found.extensions))
  return { ...found, groupId: found.groupId.slice(), extensions }
}

/** Enters the epoch that a commit leads to: keeps what late messages need of the old one and drops all else. */
export function enterEpoch(state: MemberState, to: NextEpoch): Advanced {
  const secrets = secretsOf(state)
  const fresh = firstSecrets({ suite: state.suite, group: to.group, tree: to.tree }, to.epoch, to.privateTree)
  const past = [pastOf(state, secrets, to.changed), ...secrets.past]
  const resumptions = [...fresh.resumptions, ...secrets.resumptions]
  const kept = [to.signatureSecret, ...to.privateTree.secrets()]
  const forgotten = past.slice(PAST_EPOCHS_MAX)
  return {
    next: {
      ...state,
      group: to.group,
      tree: to.tree,
      signatureSecret: to.signatureSecret,
      reInit: reInitAmong(to.proposals),
      secrets: {
        ...fresh,
        past: past.slice(0, PAST_EPOCHS_MAX),
        resumptions: resumptions.slice(0, RESUMPTION_PSKS_MAX),
      },
    },
    consumed: [
      ...Object.values(secrets.epoch),
      ...to.dropped,
      ...updateSecrets(secrets, kept),
      ...(state.signatureSecret === to.signatureSecret ? [] : [state.signatureSecret]),
      ...forgotten.flatMap((epoch) => [epoch.senderDataSecret, ...epoch.secretTree.secrets()]),
      ...resumptions.slice(RESUMPTION_PSKS_MAX).map(({ psk }) => psk),
    ],
  }
}

/** Every secret of a member but its signature key, to be overwritten. */
export function groupSecrets(secrets: MemberSecrets): Uint8Array[] {
  return [
    ...Object.values(secrets.epoch),
    ...secrets.privateTree.secrets(),
    ...secrets.secretTree.secrets(),
    ...secrets.updates.map(({ encryptionSecretKey }) => encryptionSecretKey),
    ...secrets.past.flatMap((epoch) => [epoch.senderDataSecret, ...epoch.secretTree.secrets()]),
    ...secrets.resumptions.map(({ psk }) => psk),
  ]
}

/** Leaves the group after a commit that removed this member: every secret goes. */
export function leaveGroup(state: MemberState, group: PublicGroupState, tree: FlatTree): Advanced {
  const secrets = secretsOf(state)
  return {
    next: { ...state, group, tree, secrets: undefined },
    consumed: [...groupSecrets(secrets), ...updateSecrets(secrets, [state.signatureSecret])],
  }
}
