import { ADDS_PER_COMMIT_MAX } from "../limits.ts"
import {
  type Extension,
  type FlatTree,
  observeCommit,
  observeProposal,
  type StagedCommit,
} from "../mls/index.ts"
import { suite1 } from "../mls/suites/suite1.ts"
import { toHex } from "../wire/bytes.ts"
import { type DsContext, policyOf } from "./context.ts"
import type { Head } from "./head.ts"
import type { StoredProposal } from "./proposal-store.ts"
import { validating } from "./refusal.ts"
import type { TreeRecord } from "./tree-record.ts"

/** A commit that RFC 9420 allows, and what an operation holds it against. */
export interface ObservedCommit {
  /** Its tree is to be wiped by whoever had the commit observed. */
  readonly staged: StagedCommit
  /** The leaf that signed the request, if one did. */
  readonly caller: number | undefined
  /** The tree before the commit. */
  readonly before: FlatTree
  /** The GroupContext's, before the commit. */
  readonly extensions: readonly Extension[]
  /** The proposal store of the epoch that ends. */
  readonly stored: readonly StoredProposal[]
  /** The domain whose queues members may have. */
  readonly domain: string
}

/** @throws Problem `ds.wrong-epoch`, `ds.invalid-message` */
export function observe(
  context: DsContext,
  head: Head,
  record: TreeRecord,
  { commit, caller }: { readonly commit: Uint8Array; readonly caller: number | undefined },
): ObservedCommit {
  const { domain } = context
  const suite = suite1(context.crypto)
  const { state } = head
  const before = record.tree
  const policy = policyOf(context)
  const known = head.proposals.map(({ message }) => observeProposal(suite, state, before, message, policy))
  const proposals = new Map(known.map((proposal) => [toHex(proposal.ref), proposal]))
  const options = { ...policy, maximumAdds: ADDS_PER_COMMIT_MAX, proposals }
  const staged = validating(() => observeCommit(suite, state, before, commit, options))
  const { extensions } = state.context
  return { staged, caller, before, extensions, stored: head.proposals, domain }
}
