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
import { changeRows, groupUnchanged } from "./store.ts"

interface SendParams extends GroupKey {
  readonly message: Uint8Array
}

/**
 * Sends an application message to all other members. Opens the head alone, and writes nothing of the group unless the
 * month has changed or recipients got new tickets. No commit comes between the check of the epoch and the queues.
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

/** New tickets are kept only if nobody else changes the group meanwhile: they are worth no second attempt. */
function prepare(
  context: DsContext,
  { group, params, member: sender }: MemberRequest<SendParams>,
  keepTickets: boolean,
): Unit | undefined {
  const head = group.value
  const message = encodeQueueMessage({ type: "mls", groupId: params.groupId, message: params.message })
  const { deliveries, tickets } = address(context.fanout, toOthers(head, sender.leaf, message))
  const month = monthOf(context.now())
  let rows: Effect[] = []
  if (keepTickets && tickets.size > 0) {
    const nextHead = { ...head, leaves: withTickets(head.leaves, tickets) }
    rows = changeRows(group.stored, { month, head: context.records.sealHead(params, nextHead) })
  } else if (month !== group.stored.row.month) {
    rows = changeRows(group.stored, { month })
  }
  if (rows.length === 0 && deliveries.length === 0) return undefined
  return deliveringUnit(context.fanout, [groupUnchanged(group.stored)], rows, deliveries)
}
