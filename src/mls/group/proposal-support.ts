import { type Proposal, proposalType } from "../codec/proposal.ts"
import { isDefaultProposal } from "../codec/protocol.ts"
import { check } from "../error.ts"
import { rules } from "../rules.ts"
import type { TreeView } from "../tree/view.ts"
import { leafAt, membersOf } from "./leaf-validity.ts"

/**
 * Those of the proposals' types that somebody does not support who will process them (RFC 9420 section 12.2): the
 * members of the epoch in which they are made, as their leaves are then. Whoever leaves by the commit need not, nor
 * whoever comes by it; what an Update says counts from the next epoch on.
 */
export function unsupportedTypes(
  tree: TreeView,
  proposals: readonly Proposal[],
  removes: readonly number[],
): ReadonlySet<number> {
  const types = new Set(proposals.map(proposalType).filter((type) => !isDefaultProposal(type)))
  const unsupported = new Set<number>()
  if (types.size === 0) return unsupported
  const leaving = new Set(removes)
  for (const leaf of membersOf(tree)) {
    if (leaving.has(leaf)) continue
    const { proposals: supported } = leafAt(tree, leaf).capabilities
    for (const type of types) if (!supported.includes(type)) unsupported.add(type)
  }
  return unsupported
}

/** Throws MlsError unless all who process the proposals support them. */
export function checkTypesSupported(
  tree: TreeView,
  proposals: readonly Proposal[],
  removes: readonly number[],
): void {
  check(unsupportedTypes(tree, proposals, removes).size === 0, rules.proposalSupport)
}
