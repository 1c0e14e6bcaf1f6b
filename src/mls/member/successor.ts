import { wipe } from "../../crypto/wipe.ts"
import type { Extension } from "../codec/extension.ts"
import { encodeGroupInfo } from "../codec/group-info.ts"
import type { KeyPackage } from "../codec/key-package.ts"
import type { Lifetime } from "../codec/leaf-node.ts"
import type { Proposal } from "../codec/proposal.ts"
import { check } from "../error.ts"
import type { Policy } from "../group/policy.ts"
import type { CipherSuite } from "../suite.ts"
import { createCommit } from "./commit.ts"
import { createGroup } from "./create.ts"
import { groupSecrets } from "./epoch.ts"
import { currentGroupInfo } from "./group-info.ts"
import { leafContent, type OwnLeaf } from "./leaf.ts"
import { type ClientOf, checkClients, type Parent, parentPsk, reInitOf } from "./lineage.ts"
import { resumptionPskProposal } from "./psks.ts"
import { memberRules } from "./rules.ts"
import { changeableSecrets, type MemberState, secretsOf } from "./state.ts"

/** Groups that come from another one (RFC 9420 sections 11.2 and 11.3). */

/** What the creator of such a group brings. */
export interface SuccessorOptions extends Policy {
  /** How the creator appears in the new group. */
  readonly leaf: OwnLeaf
  readonly lifetime: Lifetime
  /** One of each other client that is to be in it: all of the group that was reinitialized, or some of it for a branch. */
  readonly keyPackages: readonly KeyPackage[]
  readonly clientOf: ClientOf
  /** Sends the tree to those who join, in their Welcome. */
  readonly treeInWelcome?: boolean
}

/** What the creator of a branch brings. */
export interface BranchOptions extends SuccessorOptions {
  readonly groupId: Uint8Array
  /** Of the GroupContext; without them, those of the group that is branched. */
  readonly extensions?: readonly Extension[]
}

/** A new group with the one commit that others join it by. */
export interface Succession {
  /** The bare GroupInfo of epoch 0 and its tree, in which the creator is alone: for an observer that is to follow. */
  readonly groupInfo: Uint8Array
  readonly ratchetTree: Uint8Array
  /** The MLSMessage that ends epoch 0. */
  readonly message: Uint8Array
  /** MLSMessage, if there are others. */
  readonly welcome: Uint8Array | undefined
  /** The creator's member, at epoch 1. */
  readonly next: MemberState
}

/** Creates the group that succeeds one that was reinitialized, with the ReInit's parameters (section 11.2). Throws MlsError. */
export function createSuccessor(
  state: MemberState,
  suite: CipherSuite,
  options: SuccessorOptions,
): Succession {
  const reInit = reInitOf(state)
  check(suite.id === reInit.cipherSuite, memberRules.successorParameters)
  const parent = { usage: "reinit", state, clientOf: options.clientOf } as const
  return createFrom(parent, suite, reInit, options)
}

/** Creates a group of some of a group's members (section 11.3), of the same suite. Throws MlsError. */
export function createBranch(state: MemberState, options: BranchOptions): Succession {
  changeableSecrets(state)
  const { groupId, extensions = state.group.context.extensions } = options
  const parent = { usage: "branch", state, clientOf: options.clientOf } as const
  return createFrom(parent, state.suite, { groupId, extensions }, options)
}

function createFrom(
  parent: Parent,
  suite: CipherSuite,
  { groupId, extensions }: Pick<BranchOptions, "groupId"> & { readonly extensions: readonly Extension[] },
  { leaf, lifetime, keyPackages, clientOf, ...options }: SuccessorOptions,
): Succession {
  const leaves = [leafContent(suite, leaf), ...keyPackages.map(({ leafNode }) => leafNode)]
  checkClients(parent, leaves.map(clientOf))
  const adds = keyPackages.map((keyPackage): Proposal => ({ kind: "add", keyPackage }))
  const { context } = parent.state.group
  const psk = resumptionPskProposal(suite, context.groupId, context.epoch, parent.usage)
  const created = createGroup(suite, { groupId, leaf, lifetime, extensions })
  try {
    const groupInfo = encodeGroupInfo(currentGroupInfo(created, []))
    const { message, welcome, next, consumed } = createCommit(created, {
      ...options,
      proposals: [...adds, psk],
      psks: (id) => parentPsk(parent, id),
    })
    wipe(...consumed)
    return { groupInfo, ratchetTree: created.tree.encode(), message, welcome, next }
  } catch (error) {
    wipe(created.signatureSecret, ...groupSecrets(secretsOf(created)))
    throw error
  }
}
