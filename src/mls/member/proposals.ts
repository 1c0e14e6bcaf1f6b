import { toHex } from "../../wire/bytes.ts"
import { encodeWith } from "../../wire/tls.ts"
import type { LeafNode } from "../codec/leaf-node.ts"
import { type Proposal, proposalType } from "../codec/proposal.ts"
import { writePreSharedKeyId } from "../codec/psk.ts"
import { type CommittedProposal, leafOf, leavesRemoved } from "../group/proposal.ts"
import { unsupportedTypes } from "../group/proposal-support.ts"
import type { FlatTree } from "../tree/flat-tree.ts"
import { encryptionKeyOccurs, signatureKeyOccurs } from "../tree/keys.ts"
import { type CommitItem, itemByReference, itemByValue } from "./commit-item.ts"
import { type MemberState, secretsOf } from "./state.ts"

/** What two proposals must not have in common in one commit (RFC 9420 section 12.2), or undefined if nothing. */
function claimOf({ proposal, sender }: CommittedProposal): string | undefined {
  switch (proposal.kind) {
    case "add":
      return `key ${toHex(proposal.keyPackage.leafNode.signatureKey)}`
    case "update":
    case "selfRemove":
      return `leaf ${leafOf(sender)}`
    case "remove":
      return `leaf ${proposal.removed}`
    case "psk":
      return `psk ${toHex(encodeWith(proposal.psk, writePreSharedKeyId))}`
    case "groupContextExtensions":
      return "extensions"
    case "reInit":
    case "externalInit":
    case "custom":
      return undefined
  }
}

/**
 * Of proposals for one leaf a SelfRemove goes first (draft-ietf-mls-extensions section 6.3), then a Remove (RFC 9420
 * section 12.2); else what came later goes first.
 */
function byPrecedence(a: CommitItem, b: CommitItem): number {
  return rankOf(a) - rankOf(b)
}

function rankOf({ committed: { proposal } }: CommitItem): number {
  if (proposal.kind === "selfRemove") return 0
  return proposal.kind === "remove" ? 1 : 2
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
  if (proposal.kind === "selfRemove") return leafOf(sender) !== leaf
  if (proposal.kind !== "update" || sender.kind !== "member") return true
  return sender.leafIndex !== leaf && !occursIn(tree, proposal.leafNode, 2 * sender.leafIndex)
}

/** Leaves out what is by reference and of a type that not all who process the commit support. */
function supportedItems(tree: FlatTree, items: readonly CommitItem[]): CommitItem[] {
  const committed = items.map((item) => item.committed)
  const proposals = committed.map(({ proposal }) => proposal)
  const unsupported = unsupportedTypes(tree, proposals, leavesRemoved(committed))
  return items.filter(({ item, committed: { proposal } }) => {
    return item.kind === "proposal" || !unsupported.has(proposalType(proposal))
  })
}

/**
 * The proposals of the store that this member can commit together with `byValue` (RFC 9420 section 12.2), followed by
 * `byValue`. Own Updates and one's own removal are another member's to commit; of two that exclude each other one is
 * taken, those by value before all. A ReInit is taken only if it is alone. Nothing with a key that somebody has already
 * is taken, nor of a type that somebody does not support, nor what `leaveOut` refers to.
 */
export function itemsToCommit(
  state: MemberState,
  byValue: readonly Proposal[],
  leaveOut: readonly Uint8Array[] = [],
): CommitItem[] {
  const left = new Set(leaveOut.map(toHex))
  const sender = { kind: "member", leafIndex: state.leaf } as const
  const values = byValue.map((proposal) => itemByValue(proposal, sender))
  const known = [...secretsOf(state).proposals.values()].filter(({ ref }) => !left.has(toHex(ref)))
  const stored = known.toReversed().map(itemByReference)
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
  return supportedItems(state.tree, [...chosen.toReversed(), ...values])
}
