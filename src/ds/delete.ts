import type { Unit } from "../store/database.ts"
import { Problem } from "../wire/problem.ts"
import { encodeQueueMessage } from "../wire/queue-message.ts"
import type { Caller } from "./authentication.ts"
import { checkNoData, checkOwnCommit, subject } from "./content-rules.ts"
import type { DsContext } from "./context.ts"
import { address, deliveringUnit, toOthers } from "./fan-out.ts"
import { type MemberRequest, submitForMember } from "./member-request.ts"
import { type ObservedCommit, observe } from "./observe.ts"
import { operationRules as rules } from "./operation-rules.ts"
import type { GroupKey } from "./records.ts"
import { allow } from "./refusal.ts"
import { checkAdmin } from "./roles.ts"
import { deleteRows, groupUnchanged } from "./store.ts"
import { wipeTree } from "./tree-record.ts"

interface DeleteParams extends GroupKey {
  readonly commit: Uint8Array
}

/**
 * Ends a group: sends everybody the commit that removes all others, and deletes the state, in one unit. Whoever repeats
 * it is refused like for any unknown group, which tells a member who knows the key that the group is gone.
 *
 * @throws Problem `auth.refused`, `ds.wrong-epoch`, `ds.invalid-message`, `ds.not-allowed`, `ds.proposals-pending`, `queue.full`,
 *   `server.overloaded`
 */
export async function deleteGroup(context: DsContext, caller: Caller<DeleteParams>): Promise<void> {
  await submitForMember(context, caller, (request) => prepare(context, request))
}

function prepare(context: DsContext, { group, params, member }: MemberRequest<DeleteParams>): Unit {
  const { fanout, records } = context
  checkAdmin(group.value, member.leaf)
  if (group.value.proposals.length > 0) throw new Problem("ds.proposals-pending")
  const tree = records.openTree(group, params)
  try {
    const { commit } = params
    const observed = observe(context, group.value, tree.value, { commit, caller: member.leaf })
    // Nobody is left to need the tree after it.
    wipeTree(observed.staged.tree)
    checkOwnCommit(observed)
    checkDeletes(observed)
    const message = encodeQueueMessage({ type: "mls", groupId: params.groupId, message: commit })
    const { deliveries } = address(fanout, toOthers(group.value, member.leaf, message))
    return deliveringUnit(fanout, [groupUnchanged(group.stored)], deleteRows(params.groupId), deliveries)
  } finally {
    tree.wipe()
  }
}

/** Everybody else is removed, and nothing else happens; what the roles say does not matter any more. */
function checkDeletes(observed: ObservedCommit): void {
  const { staged, before } = observed
  const onlyRemoves = subject(staged).every(({ kind }) => kind === "remove")
  allow(onlyRemoves && staged.removed.length === before.memberCount - 1, rules.removesOthers)
  checkNoData(observed)
}
