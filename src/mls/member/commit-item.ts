import type { ProposalOrRef } from "../codec/commit.ts"
import type { Sender } from "../codec/framing.ts"
import type { Proposal } from "../codec/proposal.ts"
import type { CommittedProposal } from "../group/proposal.ts"
import type { AuthenticatedProposal } from "../observer/proposal.ts"

/** A proposal as a commit names it and as it is. */
export interface CommitItem {
  readonly item: ProposalOrRef
  readonly committed: CommittedProposal
}

/** A proposal of the committer's, whole. */
export function itemByValue(proposal: Proposal, sender: Sender): CommitItem {
  return { item: { kind: "proposal", proposal }, committed: { proposal, sender } }
}

/** A proposal that was sent by itself. */
export function itemByReference(committed: AuthenticatedProposal): CommitItem {
  return { item: { kind: "reference", reference: committed.ref }, committed }
}
