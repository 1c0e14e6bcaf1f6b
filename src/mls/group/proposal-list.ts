import { equal, toHex } from "../../wire/bytes.ts"
import { encodeWith } from "../../wire/tls.ts"
import type { Extension } from "../codec/extension.ts"
import type { Sender } from "../codec/framing.ts"
import type { KeyPackage } from "../codec/key-package.ts"
import type { LeafNode } from "../codec/leaf-node.ts"
import type { Proposal } from "../codec/proposal.ts"
import { PROTOCOL_VERSION_MLS10, SUITE_HASH_BYTES } from "../codec/protocol.ts"
import { type PreSharedKeyId, writePreSharedKeyId } from "../codec/psk.ts"
import { check, MlsError } from "../error.ts"
import { rules } from "../rules.ts"
import type { CipherSuite } from "../suite.ts"
import type { TreeView } from "../tree/view.ts"
import { checkKeyPackage } from "./key-package.ts"
import { checkLeafNode, checkSource, groupDemands, leafAt } from "./leaf-validity.ts"
import type { Policy } from "./policy.ts"

/** A proposal with whoever proposed it; the committer for those it sent by value. */
export interface CommittedProposal {
  readonly proposal: Proposal
  readonly sender: Sender
}

/** A valid list of proposals, in the groups in which it is applied (RFC 9420 section 12.3). */
export interface ProposalList {
  readonly groupContextExtensions: readonly Extension[] | undefined
  readonly updates: readonly { readonly leaf: number; readonly leafNode: LeafNode }[]
  readonly removes: readonly number[]
  readonly adds: readonly KeyPackage[]
  /** Whether a path is not needed: there are proposals, all of them Add, PreSharedKey or ReInit (section 12.4). */
  readonly pathOptional: boolean
}

/** What a list is checked against: the epoch that the commit ends. */
export interface ProposalContext {
  readonly suite: CipherSuite
  readonly groupId: Uint8Array
  readonly tree: TreeView
  readonly policy: Policy
}

const EXTERNAL_SENDERS_MAY: ReadonlySet<Proposal["kind"]> = new Set([
  "add",
  "remove",
  "psk",
  "reInit",
  "groupContextExtensions",
])

/** Throws MlsError if this kind of sender may not make this kind of proposal (RFC 9420 section 12.1.8). */
export function checkProposalSender(proposal: Proposal, sender: Sender): void {
  const { kind } = proposal
  const allowed =
    sender.kind === "member"
      ? kind !== "externalInit"
      : sender.kind === "external"
        ? EXTERNAL_SENDERS_MAY.has(kind)
        : sender.kind === "newMemberProposal"
          ? kind === "add"
          : kind === "externalInit" || kind === "remove" || kind === "psk"
  check(allowed, rules.proposalSenderType)
}

function isMember(tree: TreeView, leaf: number): boolean {
  return leaf < tree.leafWidth && !tree.isBlank(2 * leaf)
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
      check(proposal.psk.kind === "external" || proposal.psk.usage === "application", rules.pskUsage)
      return
    case "reInit":
      checkReInit(proposal, context.policy)
      return
    case "externalInit":
      check(context.suite.isHpkePublicKey(proposal.kemOutput), rules.externalKemOutput)
      return
    case "groupContextExtensions":
      return
  }
}

function checkUpdate(context: ProposalContext, leafNode: LeafNode, sender: Sender): void {
  if (sender.kind !== "member" || !isMember(context.tree, sender.leafIndex)) {
    throw new MlsError(rules.updateSender)
  }
  checkSource(leafNode, "update")
  checkLeafNode(context.suite, leafNode, { groupId: context.groupId, leafIndex: sender.leafIndex })
  const replaced = leafAt(context.tree, sender.leafIndex)
  check(!equal(leafNode.encryptionKey, replaced.encryptionKey), rules.leafKeyReused)
}

function checkReInit(proposal: Extract<Proposal, { kind: "reInit" }>, { suites }: Policy): void {
  check(proposal.version === PROTOCOL_VERSION_MLS10, rules.reInitVersion)
  check(suites === undefined || suites.includes(proposal.cipherSuite), rules.reInitSuite)
  groupDemands(proposal.extensions)
}

function checkPsksDiffer(psks: readonly PreSharedKeyId[]): void {
  const seen = new Set(psks.map((psk) => toHex(encodeWith(psk, writePreSharedKeyId))))
  check(seen.size === psks.length, rules.duplicatePsk)
}

function ofKind<K extends Proposal["kind"]>(
  proposals: readonly CommittedProposal[],
  kind: K,
): { proposal: Extract<Proposal, { kind: K }>; sender: Sender }[] {
  return proposals.filter(
    (item): item is { proposal: Extract<Proposal, { kind: K }>; sender: Sender } =>
      item.proposal.kind === kind,
  )
}

function arrange(proposals: readonly CommittedProposal[]): ProposalList {
  const kinds = new Set(proposals.map(({ proposal }) => proposal.kind))
  const pathless: readonly Proposal["kind"][] = ["add", "psk", "reInit"]
  checkPsksDiffer(ofKind(proposals, "psk").map(({ proposal }) => proposal.psk))
  return {
    groupContextExtensions: ofKind(proposals, "groupContextExtensions")[0]?.proposal.extensions,
    updates: ofKind(proposals, "update").map(({ proposal, sender }) => ({
      leaf: sender.kind === "member" ? sender.leafIndex : -1,
      leafNode: proposal.leafNode,
    })),
    removes: ofKind(proposals, "remove").map(({ proposal }) => proposal.removed),
    adds: ofKind(proposals, "add").map(({ proposal }) => proposal.keyPackage),
    pathOptional: kinds.size > 0 && [...kinds].every((kind) => pathless.includes(kind)),
  }
}

/** Checks the proposals of a member's commit (RFC 9420 section 12.2). Throws MlsError. */
export function checkProposalList(
  context: ProposalContext,
  proposals: readonly CommittedProposal[],
  committer: number,
): ProposalList {
  check(ofKind(proposals, "externalInit").length === 0, rules.externalInitInRegularCommit)
  check(ofKind(proposals, "groupContextExtensions").length <= 1, rules.multipleGroupContextExtensions)
  check(ofKind(proposals, "reInit").length === 0 || proposals.length === 1, rules.reInitNotAlone)
  const list = arrange(proposals)
  check(!list.updates.some(({ leaf }) => leaf === committer), rules.updateByCommitter)
  check(!list.removes.includes(committer), rules.removeCommitter)
  const changed = [...list.updates.map(({ leaf }) => leaf), ...list.removes]
  check(new Set(changed).size === changed.length, rules.sameLeafTwice)
  for (const item of proposals) checkProposal(context, item)
  return list
}

/** Checks the proposals of an external commit (RFC 9420 sections 12.2 and 12.4.3.2). Throws MlsError. */
export function checkExternalProposalList(
  context: ProposalContext,
  proposals: readonly CommittedProposal[],
): ProposalList {
  for (const { proposal } of proposals) {
    const { kind } = proposal
    check(kind === "externalInit" || kind === "remove" || kind === "psk", rules.externalProposalType)
  }
  check(ofKind(proposals, "externalInit").length === 1, rules.externalInitCount)
  check(ofKind(proposals, "remove").length <= 1, rules.externalRemoveCount)
  const list = arrange(proposals)
  for (const item of proposals) checkProposal(context, item)
  return list
}
