import type { Unit } from "../store/database.ts"
import { equal } from "../wire/bytes.ts"
import type { Caller } from "./authentication.ts"
import type { DsContext } from "./context.ts"
import { Addressee, address, deliveringUnit } from "./fan-out.ts"
import { keepHouse } from "./housekeeping.ts"
import { type MemberRequest, submitForMember } from "./member-request.ts"
import { changedMember, changeMembers, withTickets } from "./members.ts"
import { ownQueueConfig } from "./newcomer.ts"
import { operationRules as rules } from "./operation-rules.ts"
import type { GroupKey } from "./records.ts"
import { allow } from "./refusal.ts"
import { changeRows, groupUnchanged } from "./store.ts"

interface QueueConfigParams extends GroupKey {
  readonly queueConfig: Uint8Array
}

/**
 * Has a member's messages go to another queue, or to the same one under another config. The same again changes nothing.
 *
 * @throws Problem `auth.refused`, `ds.not-allowed`, `server.overloaded`
 */
export async function updateQueueConfig(
  context: DsContext,
  caller: Caller<QueueConfigParams>,
): Promise<void> {
  await submitForMember(context, caller, (request) => {
    const { member, params } = request
    return equal(member.queueConfig, params.queueConfig) ? undefined : prepare(context, request)
  })
}

function prepare(context: DsContext, { group, params, member }: MemberRequest<QueueConfigParams>): Unit {
  const { fanout, records, domain } = context
  const head = group.value
  const queueConfig = ownQueueConfig(params.queueConfig, domain)
  const moved = changedMember(member, { queueConfig, ticket: undefined })
  const { tickets, dead } = address(fanout, [new Addressee(moved)])
  allow(dead.size === 0, rules.livingQueue)
  const next = { ...head, leaves: withTickets(changeMembers(head.leaves, [], [moved]), tickets) }
  const kept = keepHouse(context, group.stored, next, { active: member.leaf, dead })
  const rows = changeRows(group.stored, { head: records.sealHead(params, kept.head) })
  const { stored } = group
  return deliveringUnit(fanout, [groupUnchanged(stored)], [...rows, ...kept.rows], kept.deliveries)
}
