import { fromHex, toHex } from "../../wire/bytes.ts"
import { encodeWith } from "../../wire/tls.ts"
import type { ProposalOrRef } from "../codec/commit.ts"
import type { LeafNode } from "../codec/leaf-node.ts"
import type { Proposal } from "../codec/proposal.ts"
import { writePreSharedKeyId } from "../codec/psk.ts"
import type { CommittedProposal } from "../group/proposal-list.ts"
import type { FlatTree } from "../tree/flat-tree.ts"
import { encryptionKeyOccurs, signatureKeyOccurs } from "../tree/keys.ts"
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

/** Whether somebody has one of a leaf's keys already: whatever proposed it would make every commit invalid. */
function occursIn(tree: FlatTree, leaf: LeafNode, at: number): boolean {
  const place = { node: at }
  return (
    signatureKeyOccurs(tree, [{ ...place, key: leaf.signatureKey }]) ||
    encryptionKeyOccurs(tree, [{ ...place, key: leaf.encryptionKey }])
  )
}

function committableBy({ leaf, tree }: MemberState, { proposal, sender }: CommittedProposal): boolean {
  if (proposal.kind === "add") return !occursIn(tree, proposal.keyPackage.leafNode, -1)
  if (proposal.kind === "remove") return proposal.removed !== leaf
  if (proposal.kind !== "update" || sender.kind !== "member") return true
  return sender.leafIndex !== leaf && !occursIn(tree, proposal.leafNode, 2 * sender.leafIndex)
}

/**
 * The proposals of the store that this member can commit together with `byValue` (RFC 9420 section 12.2), followed by
 * `byValue`. Own Updates and one's own removal are another member's to commit; of two that exclude each other one is
 * taken, those by value before all. A ReInit is taken only if it is alone. Nothing with a key that somebody has already
 * is taken, nor what `leaveOut` refers to.
 */
export function itemsToCommit(
  state: MemberState,
  byValue: readonly Proposal[],
  leaveOut: readonly Uint8Array[] = [],
): CommitItem[] {
  const left = new Set(leaveOut.map(toHex))
  const sender = { kind: "member", leafIndex: state.leaf } as const
  const values = byValue.map((proposal): CommitItem => {
    return { item: { kind: "proposal", proposal }, committed: { proposal, sender } }
  })
  const known = [...secretsOf(state).proposals].filter(([ref]) => !left.has(ref))
  const stored = known.toReversed().map(([ref, committed]): CommitItem => {
    return { item: { kind: "reference", reference: fromHex(ref) }, committed }
  })
  const candidates = stored.filter(({ committed }) => committableBy(state, committed)).sort(byPrecedence)
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
