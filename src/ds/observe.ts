import { ADDS_PER_COMMIT_MAX } from "../limits.ts"
import { type Extension, type FlatTree, observeCommit, type StagedCommit } from "../mls/index.ts"
import { suite1 } from "../mls/suites/suite1.ts"
import { type DsContext, policyOf } from "./context.ts"
import type { Head } from "./head.ts"
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
  const { crypto, domain } = context
  const options = { ...policyOf(context), maximumAdds: ADDS_PER_COMMIT_MAX }
  const staged = validating(() => observeCommit(suite1(crypto), head.state, record.tree, commit, options))
  return { staged, caller, before: record.tree, extensions: head.state.context.extensions, domain }
}
