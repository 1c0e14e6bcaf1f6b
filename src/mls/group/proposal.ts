import { equal } from "../../wire/bytes.ts"
import type { Sender } from "../codec/framing.ts"
import type { GroupContext } from "../codec/group-context.ts"
import type { LeafNode } from "../codec/leaf-node.ts"
import type { CustomProposal, Proposal, ReInit } from "../codec/proposal.ts"
import { PROTOCOL_VERSION_MLS10, SUITE_HASH_BYTES } from "../codec/protocol.ts"
import { isSuccession } from "../codec/psk.ts"
import { check, MlsError } from "../error.ts"
import { rules } from "../rules.ts"
import type { CipherSuite } from "../suite.ts"
import type { TreeView } from "../tree/view.ts"
import { checkKeyPackage } from "./key-package.ts"
import { checkLeafNode, checkSource, groupDemands, leafAt } from "./leaf-validity.ts"
import { declarationOf, type Policy } from "./policy.ts"

/** A proposal with whoever proposed it; the committer for those it sent by value. */
export interface CommittedProposal {
  readonly proposal: Proposal
  readonly sender: Sender
  /** ProposalRef of the message that it came in; none if the commit itself holds it. */
  readonly ref?: Uint8Array
}

/** What proposals are checked against: the epoch in which they are made. */
export interface ProposalContext {
  readonly suite: CipherSuite
  readonly group: GroupContext
  readonly tree: TreeView
  readonly policy: Policy
}

/** The most that the payload of a custom proposal may hold. */
export const CUSTOM_PROPOSAL_BYTES_MAX = 16 * 1024

const EXTERNAL_SENDERS_MAY: ReadonlySet<Proposal["kind"]> = new Set([
  "add",
  "remove",
  "psk",
  "reInit",
  "groupContextExtensions",
])

/** Throws MlsError if this kind of sender may not make this kind of proposal (RFC 9420 section 12.1.8). */
export function checkProposalSender(proposal: Proposal, sender: Sender, policy: Policy): void {
  check(maySend(proposal, sender, policy), rules.proposalSenderType)
}

function maySend(proposal: Proposal, sender: Sender, policy: Policy): boolean {
  const { kind } = proposal
  switch (sender.kind) {
    case "member":
      return kind !== "externalInit"
    case "external":
      return kind === "custom"
        ? declarationOf(proposal, policy).byExternalSender
        : EXTERNAL_SENDERS_MAY.has(kind)
    case "newMemberProposal":
      return kind === "add"
    case "newMemberCommit":
      return kind === "externalInit" || kind === "remove" || kind === "psk"
  }
}

/** What a proposal must fulfil by itself (RFC 9420 section 12.1). Throws MlsError. */
export function checkProposal(context: ProposalContext, { proposal, sender }: CommittedProposal): void {
  switch (proposal.kind) {
    case "add":
      checkKeyPackage(context.suite, proposal.keyPackage, context.policy)
      return
    case "update":
      checkUpdate(context, proposal.leafNode, sender)
      return
    case "remove":
      check(isMember(context.tree, proposal.removed), rules.removeBlank)
      return
    case "psk":
      check(proposal.psk.nonce.length === SUITE_HASH_BYTES, rules.pskNonce)
      check(!isSuccession(proposal.psk) || endsCreation(context, sender), rules.pskUsage)
      return
    case "reInit":
      checkReInit(proposal, context.policy)
      return
    case "externalInit":
      check(context.suite.isHpkePublicKey(proposal.kemOutput), rules.externalKemOutput)
      return
    case "groupContextExtensions":
      return
    case "selfRemove":
      check(isMember(context.tree, leafOf(sender)), rules.proposalSenderType)
      return
    case "custom":
      checkCustom(proposal, context.policy)
      return
  }
}

/** Whether a group's creator, while it is alone, makes the group's first commit. */
function endsCreation({ group, tree }: ProposalContext, sender: Sender): boolean {
  return sender.kind === "member" && group.epoch === 0n && tree.leafWidth === 1
}

function isMember(tree: TreeView, leaf: number): boolean {
  return leaf >= 0 && leaf < tree.leafWidth && !tree.isBlank(2 * leaf)
}

/** The leaf of a member, or -1. */
export function leafOf(sender: Sender): number {
  return sender.kind === "member" ? sender.leafIndex : -1
}

/** The leaves that SelfRemoves and Removes name. */
export function leavesRemoved(proposals: readonly CommittedProposal[]): number[] {
  return proposals.flatMap(({ proposal, sender }) => {
    if (proposal.kind === "selfRemove") return [leafOf(sender)]
    return proposal.kind === "remove" ? [proposal.removed] : []
  })
}

function checkUpdate({ suite, group, tree }: ProposalContext, leafNode: LeafNode, sender: Sender): void {
  if (sender.kind !== "member" || !isMember(tree, sender.leafIndex)) throw new MlsError(rules.updateSender)
  checkSource(leafNode, "update")
  checkLeafNode(suite, leafNode, { groupId: group.groupId, leafIndex: sender.leafIndex })
  const replaced = leafAt(tree, sender.leafIndex)
  check(!equal(leafNode.encryptionKey, replaced.encryptionKey), rules.leafKeyReused)
}

function checkReInit(proposal: ReInit, { suites }: Policy): void {
  check(proposal.version === PROTOCOL_VERSION_MLS10, rules.reInitVersion)
  check(suites === undefined || suites.includes(proposal.cipherSuite), rules.reInitSuite)
  groupDemands(proposal.extensions)
}

function checkCustom(proposal: CustomProposal, policy: Policy): void {
  declarationOf(proposal, policy)
  check(proposal.payload.length <= CUSTOM_PROPOSAL_BYTES_MAX, rules.customProposalLength)
}
