import { observeApplicationMessage } from "../mls/index.ts"
import type { Effect, Unit } from "../store/database.ts"
import { equal } from "../wire/bytes.ts"
import { Problem } from "../wire/problem.ts"
import { encodeQueueMessage } from "../wire/queue-message.ts"
import type { Caller } from "./authentication.ts"
import type { DsContext } from "./context.ts"
import { address, deliveringUnit, toOthers, withTickets } from "./fan-out.ts"
import type { Head } from "./head.ts"
import { type MemberRequest, submitForMember } from "./member-request.ts"
import { monthOf } from "./month.ts"
import type { GroupKey } from "./records.ts"
import { validating } from "./refusal.ts"
import { proposeRemovals, removalsDue } from "./removals.ts"
import { changeRows, groupUnchanged } from "./store.ts"

const NOBODY: ReadonlySet<number> = new Set()

interface SendParams extends GroupKey {
  readonly message: Uint8Array
}

/**
 * Sends an application message to all other members. Opens the head alone, and writes nothing of the group unless the
 * month has changed, recipients got new tickets, or somebody is to be removed. No commit comes between the check of the epoch and the queues.
 *
 * @throws Problem `auth.refused`, `ds.wrong-epoch`, `ds.invalid-message`, `queue.full`, `server.overloaded`
 */
export async function sendMessage(context: DsContext, caller: Caller<SendParams>): Promise<void> {
  await submitForMember(context, caller, (request, attempt) => {
    checkMessage(request.group.value, request.params)
    return prepare(context, request, attempt === 0)
  })
}

function checkMessage(head: Head, params: SendParams): void {
  const { groupId, epoch } = validating(() => observeApplicationMessage(params.message))
  if (!equal(groupId, params.groupId)) throw new Problem("ds.invalid-message")
  if (epoch !== head.state.context.epoch) throw new Problem("ds.wrong-epoch")
}

/**
 * New tickets are kept, and removals proposed, only if nobody else changes the group meanwhile: they are worth no second
 * attempt, since the next message finds the same.
 */
function prepare(
  context: DsContext,
  { group, params, member: sender }: MemberRequest<SendParams>,
  keepsHouse: boolean,
): Unit | undefined {
  const head = group.value
  const message = encodeQueueMessage({ type: "mls", groupId: params.groupId, message: params.message })
  const { deliveries, tickets } = address(context.fanout, toOthers(head, sender.leaf, message))
  const month = monthOf(context.now())
  const next = { ...head, leaves: withTickets(head.leaves, tickets) }
  const due = keepsHouse ? removalsDue(context, next, { active: sender.leaf, dead: NOBODY }) : []
  const kept = proposeRemovals(context, next, due)
  const all = [...deliveries, ...kept.deliveries]
  let rows: Effect[] = []
  if (keepsHouse && (tickets.size > 0 || due.length > 0)) {
    rows = changeRows(group.stored, { month, head: context.records.sealHead(params, kept.head) })
  } else if (month !== group.stored.row.month) {
    rows = changeRows(group.stored, { month })
  }
  if (rows.length === 0 && all.length === 0) return undefined
  return deliveringUnit(context.fanout, [groupUnchanged(group.stored)], rows, all)
}
