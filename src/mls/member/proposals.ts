import { fromHex, toHex } from "../../wire/bytes.ts"
import { encodeWith } from "../../wire/tls.ts"
import type { ProposalOrRef } from "../codec/commit.ts"
import type { Proposal } from "../codec/proposal.ts"
import { writePreSharedKeyId } from "../codec/psk.ts"
import type { CommittedProposal } from "../group/proposal-list.ts"
import { type MemberState, secretsOf } from "./state.ts"

/** A proposal as a commit names it and as it is. */
export interface CommitItem {
  readonly item: ProposalOrRef
  readonly committed: CommittedProposal
}

/** What two proposals must not have in common in one commit (RFC 9420 section 12.2), or undefined if nothing. */
function claimOf({ proposal, sender }: CommittedProposal): string | undefined {
  switch (proposal.kind) {
    case "add":
      return `key ${toHex(proposal.keyPackage.leafNode.signatureKey)}`
    case "update":
      return sender.kind === "member" ? `leaf ${sender.leafIndex}` : undefined
    case "remove":
      return `leaf ${proposal.removed}`
    case "psk":
      return `psk ${toHex(encodeWith(proposal.psk, writePreSharedKeyId))}`
    case "groupContextExtensions":
      return "extensions"
    default:
      return undefined
  }
}

/** Removes go before Updates of the same leaf (RFC 9420 section 12.2); else what came later goes first. */
function byPrecedence(a: CommitItem, b: CommitItem): number {
  const rank = ({ committed }: CommitItem) => (committed.proposal.kind === "remove" ? 0 : 1)
  return rank(a) - rank(b)
}

function committableBy(leaf: number, { proposal, sender }: CommittedProposal): boolean {
  if (proposal.kind === "update") return !(sender.kind === "member" && sender.leafIndex === leaf)
  return !(proposal.kind === "remove" && proposal.removed === leaf)
}

/**
 * The proposals of the store that this member can commit together with `byValue` (RFC 9420 section 12.2), followed by
 * `byValue`. Own Updates and one's own removal are another member's to commit; of two that exclude each other one is
 * taken, those by value before all. A ReInit is taken only if it is alone.
 */
export function itemsToCommit(state: MemberState, byValue: readonly Proposal[]): CommitItem[] {
  const sender = { kind: "member", leafIndex: state.leaf } as const
  const values = byValue.map((proposal): CommitItem => {
    return { item: { kind: "proposal", proposal }, committed: { proposal, sender } }
  })
  const stored = [...secretsOf(state).proposals].toReversed().map(([ref, committed]): CommitItem => {
    return { item: { kind: "reference", reference: fromHex(ref) }, committed }
  })
  const candidates = stored.filter(({ committed }) => committableBy(state.leaf, committed)).sort(byPrecedence)
  const claims = new Set(values.map(({ committed }) => claimOf(committed)))
  const chosen: CommitItem[] = []
  for (const candidate of candidates) {
    const claim = claimOf(candidate.committed)
    if (claim !== undefined && claims.has(claim)) continue
    if (candidate.committed.proposal.kind === "reInit" && candidates.length + values.length > 1) continue
    claims.add(claim)
    chosen.push(candidate)
  }
  return [...chosen.toReversed(), ...values]
}
