import type { StagedCommit } from "../mls/index.ts"
import type { CommitContent } from "./content-rules.ts"
import { changeCredentials } from "./credentials.ts"
import type { GroupInfoRest, Head } from "./head.ts"
import { type Joiner, recordCommit } from "./history.ts"
import { changedMember, changeMembers, type HeadLeaf, memberAt } from "./members.ts"
import type { TreeRecord } from "./tree-record.ts"

/** What a group becomes by an accepted commit. */

export interface AcceptedCommit {
  readonly staged: StagedCommit
  readonly content: CommitContent
  readonly groupInfo: GroupInfoRest
  /** As {@link Head.lastCommit} has it. */
  readonly hash: Uint8Array
  /** The leaf that signed the request, if one did. */
  readonly caller: number | undefined
  /** Months since January 2020. */
  readonly month: number
  /** Seconds since 1970. */
  readonly now: bigint
}

export function nextHead(head: Head, accepted: AcceptedCommit): Head {
  const { staged, content, groupInfo, hash, caller, month } = accepted
  const committer = staged.committerLeaf
  const signatureKey = staged.tree.signatureKey(committer)
  const active = { activityMonth: month, activityEpoch: staged.next.context.epoch }
  const was = caller === undefined ? undefined : memberAt(head.leaves, caller)
  const present: HeadLeaf[] = content.newcomers.map((newcomer) => ({
    ...newcomer,
    ticket: undefined,
    ...active,
  }))
  if (was !== undefined) present.push(changedMember(was, { leaf: committer, signatureKey, ...active }))
  return {
    treeWrites: head.treeWrites + 1n,
    lastCommit: { hash, leaf: caller ?? committer, requestKey: was?.signatureKey ?? signatureKey },
    secret: head.secret,
    state: staged.next,
    groupInfo,
    leaves: changeMembers(head.leaves, staged.removed, present),
    proposals: [],
  }
}

export function nextTreeRecord(record: TreeRecord, accepted: AcceptedCommit): TreeRecord {
  const { staged, content, now } = accepted
  const { credentials, undo } = changeCredentials(record.credentials, content.credentials)
  const history = recordCommit(record.history, {
    epoch: staged.next.context.epoch,
    undo: { tree: staged.undo, credentials: undo },
    joiners: joinersOf(staged),
    settled: [staged.committerLeaf, ...staged.removed],
    now,
  })
  return { tree: staged.tree, credentials, history }
}

function joinersOf(staged: StagedCommit): Joiner[] {
  return staged.added.map(({ leaf, ref, keyPackage: { leafNode } }) => ({
    ref,
    leaf,
    signatureKey: leafNode.signatureKey,
    notAfter: leafNode.source.kind === "keyPackage" ? leafNode.source.lifetime.notAfter : 0n,
  }))
}
