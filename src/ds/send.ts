import { observeApplicationMessage } from "../mls/index.ts"
import { monthOf } from "../month.ts"
import type { Unit } from "../store/database.ts"
import { equal } from "../wire/bytes.ts"
import { Problem } from "../wire/problem.ts"
import { encodeQueueMessage } from "../wire/queue-message.ts"
import type { Caller } from "./authentication.ts"
import type { DsContext } from "./context.ts"
import { address, deliveringUnit, toOthers } from "./fan-out.ts"
import type { Head } from "./head.ts"
import { afterMessage, monthAlone } from "./housekeeping.ts"
import { type MemberRequest, submitForMember } from "./member-request.ts"
import type { GroupKey } from "./records.ts"
import { validating } from "./refusal.ts"
import { groupUnchanged } from "./store.ts"

interface SendParams extends GroupKey {
  readonly message: Uint8Array
}

/**
 * Sends an application message to all other members. Opens the head alone, and writes nothing of the group unless the
 * month has changed, recipients got new tickets, somebody is to be removed or a queue is gone. No commit comes between
 * the check of the epoch and the queues.
 *
 * @throws Problem `auth.refused`, `ds.wrong-epoch`, `ds.invalid-message`, `ds.fan-out-too-large`, `queue.full`,
 *   `server.overloaded`
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

/** What a message leaves behind is tried once: if others change the group meanwhile, the next message finds the same. */
function prepare(context: DsContext, request: MemberRequest<SendParams>, first: boolean): Unit | undefined {
  const { fanout, now } = context
  const { group, params, member } = request
  const message = encodeQueueMessage({ type: "mls", groupId: params.groupId, message: params.message })
  const addressed = address(fanout, toOthers(group.value, member.leaf, message))
  const month = monthOf(now())
  const kept = first ? afterMessage(context, request, addressed, month) : monthAlone(group.stored, month)
  const deliveries = [...addressed.deliveries, ...kept.deliveries]
  if (kept.rows.length === 0 && deliveries.length === 0) return undefined
  return deliveringUnit(fanout, [groupUnchanged(group.stored)], kept.rows, deliveries)
}
