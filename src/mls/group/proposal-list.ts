import { toHex } from "../../wire/bytes.ts"
import { encodeWith } from "../../wire/tls.ts"
import type { Extension } from "../codec/extension.ts"
import type { Sender } from "../codec/framing.ts"
import type { KeyPackage } from "../codec/key-package.ts"
import type { LeafNode } from "../codec/leaf-node.ts"
import type { CustomProposal, Proposal } from "../codec/proposal.ts"
import { isSuccession, type PreSharedKeyId, writePreSharedKeyId } from "../codec/psk.ts"
import { check } from "../error.ts"
import { rules } from "../rules.ts"
import { declarationOf, type Policy } from "./policy.ts"
import {
  type CommittedProposal,
  checkProposal,
  leafOf,
  leavesRemoved,
  type ProposalContext,
} from "./proposal.ts"
import { checkTypesSupported } from "./proposal-support.ts"

/** A valid list of proposals, in the groups in which it is applied (RFC 9420 section 12.3). */
export interface ProposalList {
  readonly groupContextExtensions: readonly Extension[] | undefined
  readonly updates: readonly { readonly leaf: number; readonly leafNode: LeafNode }[]
  /** By Removes and SelfRemoves. */
  readonly removes: readonly number[]
  readonly adds: readonly KeyPackage[]
  /** For the application to apply. */
  readonly custom: readonly CommittedCustomProposal[]
  /** Whether a path is not needed: there are proposals, and none is of a type that needs one (section 12.4). */
  readonly pathOptional: boolean
}

/** An application's own proposal with whoever proposed it. */
export interface CommittedCustomProposal extends Pick<CustomProposal, "type" | "payload"> {
  readonly sender: Sender
}

type OfKind<K extends Proposal["kind"]> = CommittedProposal & {
  readonly proposal: Extract<Proposal, { kind: K }>
}

function ofKind<K extends Proposal["kind"]>(proposals: readonly CommittedProposal[], kind: K): OfKind<K>[] {
  return proposals.filter((item): item is OfKind<K> => item.proposal.kind === kind)
}

function needsPath(proposal: Proposal, policy: Policy): boolean {
  switch (proposal.kind) {
    case "add":
    case "psk":
    case "reInit":
      return false
    case "update":
    case "remove":
    case "externalInit":
    case "groupContextExtensions":
    case "selfRemove":
      return true
    case "custom":
      return declarationOf(proposal, policy).pathRequired
  }
}

function arrange(proposals: readonly CommittedProposal[], policy: Policy): ProposalList {
  for (const { ref } of ofKind(proposals, "selfRemove")) check(ref !== undefined, rules.selfRemoveByValue)
  checkPsks(ofKind(proposals, "psk").map(({ proposal }) => proposal.psk))
  return {
    groupContextExtensions: ofKind(proposals, "groupContextExtensions")[0]?.proposal.extensions,
    updates: ofKind(proposals, "update").map(({ proposal, sender }) => ({
      leaf: leafOf(sender),
      leafNode: proposal.leafNode,
    })),
    removes: leavesRemoved(proposals),
    adds: ofKind(proposals, "add").map(({ proposal }) => proposal.keyPackage),
    custom: ofKind(proposals, "custom").map(({ proposal: { type, payload }, sender }) => {
      return { type, payload, sender }
    }),
    pathOptional: proposals.length > 0 && !proposals.some(({ proposal }) => needsPath(proposal, policy)),
  }
}

function checkPsks(psks: readonly PreSharedKeyId[]): void {
  const seen = new Set(psks.map((psk) => toHex(encodeWith(psk, writePreSharedKeyId))))
  check(seen.size === psks.length, rules.duplicatePsk)
  check(psks.filter(isSuccession).length <= 1, rules.pskUsage)
}

function checkLeavesDiffer({ updates, removes }: ProposalList): void {
  const changed = [...updates.map(({ leaf }) => leaf), ...removes]
  check(new Set(changed).size === changed.length, rules.sameLeafTwice)
}

/** What every list has to fulfil, whoever commits it. */
function checkItems(
  context: ProposalContext,
  proposals: readonly CommittedProposal[],
  list: ProposalList,
): ProposalList {
  checkLeavesDiffer(list)
  for (const item of proposals) checkProposal(context, item)
  const committed = proposals.map(({ proposal }) => proposal)
  checkTypesSupported(context.tree, committed, list.removes)
  return list
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
  const list = arrange(proposals, context.policy)
  check(!list.updates.some(({ leaf }) => leaf === committer), rules.updateByCommitter)
  check(!list.removes.includes(committer), rules.removeCommitter)
  return checkItems(context, proposals, list)
}

const EXTERNAL_COMMITS_MAY: ReadonlySet<Proposal["kind"]> = new Set([
  "externalInit",
  "remove",
  "psk",
  "selfRemove",
])

/**
 * Checks the proposals of an external commit (RFC 9420 sections 12.2 and 12.4.3.2, as draft-ietf-mls-extensions section
 * 6.3 changes them). Throws MlsError.
 */
export function checkExternalProposalList(
  context: ProposalContext,
  proposals: readonly CommittedProposal[],
): ProposalList {
  for (const { proposal, ref } of proposals) {
    check(ref === undefined || proposal.kind === "selfRemove", rules.externalReference)
    check(EXTERNAL_COMMITS_MAY.has(proposal.kind), rules.externalProposalType)
  }
  check(ofKind(proposals, "externalInit").length === 1, rules.externalInitCount)
  check(ofKind(proposals, "remove").length <= 1, rules.externalRemoveCount)
  return checkItems(context, proposals, arrange(proposals, context.policy))
}
