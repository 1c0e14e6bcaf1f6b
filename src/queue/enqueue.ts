import { CHAIN_MESSAGE_BYTES_MAX, ChainWriter, FRAGMENT_BYTES } from "../crypto/chain.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { CHAIN_SLOTS } from "../limits.ts"
import { byteName } from "../store/byte-name.ts"
import type { Effect, Table, View } from "../store/database.ts"
import { Problem } from "../wire/problem.ts"
import type { ChainStarts, Room } from "./chain-starts.ts"
import type { QueueLimits } from "./limits.ts"
import { changeUnread, endChain, type LiveChain, type LiveQueues, unreadOf } from "./live.ts"
import type { Pool } from "./pool.ts"
import type { QueueRow } from "./slots.ts"

/** One message for one queue. */
export interface QueueDelivery {
  readonly queue: Uint8Array
  readonly message: Uint8Array
}

/** A chain as a stream needs to know it. */
export interface BegunChain {
  readonly chain: Uint8Array
  /** A copy, the holder's to wipe. */
  readonly address: Uint8Array
  readonly month: number
  readonly start: Uint8Array
}

/** What one call wrote to one queue. */
export interface Written {
  readonly key: string
  readonly queue: Uint8Array
  readonly chain: LiveChain
  readonly begun: BegunChain | undefined
  /** The index of the first entry in its chain. */
  readonly first: number
  /** As they lie in the pool, one after the other. */
  readonly entries: readonly Uint8Array[]
}

export interface EnqueueContext {
  readonly crypto: CryptoProvider
  readonly table: Table<QueueRow>
  readonly starts: ChainStarts
  readonly pool: Pool
  readonly live: LiveQueues
  readonly limits: QueueLimits
  readonly now: () => number
  /** Whether the queue with this key has a stream. */
  readonly isRead: (key: string) => boolean
}

interface Plan {
  readonly key: string
  readonly queue: Uint8Array
  readonly messages: Uint8Array[]
  entries: number
}

interface Beginning {
  readonly row: QueueRow
  readonly room: Room
}

/**
 * Seals messages into the chains of their queues. Everything that can refuse is asked before the first chain
 * advances, so that one full queue costs the others nothing. A queue that does not exist any more is passed over.
 *
 * @throws Problem `queue.full`, `request.too-large`
 */
export function sealDeliveries(
  context: EnqueueContext,
  view: View,
  deliveries: readonly QueueDelivery[],
): { readonly effects: Effect[]; readonly written: Written[] } {
  const decided = planOf(deliveries).map((plan) => ({ plan, decision: decide(context, view, plan) }))
  const effects: Effect[] = []
  const written: Written[] = []
  try {
    for (const { plan, decision } of decided) {
      if (decision !== "gone") written.push(write(context, plan, decision, effects))
    }
  } catch (error) {
    for (const { plan } of decided) context.live.forget(plan.key)
    throw error
  }
  context.live.trim()
  return { effects, written }
}

function planOf(deliveries: readonly QueueDelivery[]): Plan[] {
  const plans = new Map<string, Plan>()
  for (const { queue, message } of deliveries) {
    if (message.length > CHAIN_MESSAGE_BYTES_MAX) throw new Problem("request.too-large")
    const key = byteName(queue)
    const plan = plans.get(key) ?? { key, queue, messages: [], entries: 0 }
    plan.messages.push(message)
    plan.entries += Math.max(1, Math.ceil(message.length / FRAGMENT_BYTES))
    plans.set(key, plan)
  }
  return [...plans.values()]
}

/** Whether the queue's chain goes on, another begins, or there is no such queue. */
function decide(context: EnqueueContext, view: View, plan: Plan): "continue" | "gone" | Beginning {
  const { limits, live, pool, starts, table } = context
  const queue = live.find(plan.key)
  if (unreadOf(queue) + plan.entries > limits.queueEntriesMax) throw new Problem("queue.full")
  const chain = queue?.chain
  const usable =
    chain !== undefined &&
    chain.month === pool.currentMonth() &&
    chain.writer.nextIndex + plan.entries <= limits.chainEntriesHardMax
  if (usable && !renewalDue(context, chain)) return "continue"

  const row = view.get(table, { id: plan.queue })
  if (row === undefined) return "gone"
  if (usable && starts.count(row) >= CHAIN_SLOTS - limits.slotsReserved) return "continue"
  const room = plan.entries > limits.chainEntriesHardMax ? undefined : starts.roomFor(view, row)
  if (room === undefined) throw new Problem("queue.full")
  return { row, room }
}

function renewalDue({ limits, now }: EnqueueContext, chain: LiveChain): boolean {
  return (
    chain.renew ||
    chain.writer.nextIndex >= limits.chainEntriesMax ||
    now() - chain.began >= limits.chainAgeMilliseconds
  )
}

function write(
  context: EnqueueContext,
  plan: Plan,
  decision: "continue" | Beginning,
  effects: Effect[],
): Written {
  const queue = context.live.use(plan.key)
  let begun: BegunChain | undefined
  if (decision !== "continue") {
    endChain(queue)
    const beginning = begin(context, decision)
    queue.chain = beginning.chain
    begun = beginning.begun
    effects.push(...beginning.effects)
  }
  const chain = queue.chain as LiveChain
  const first = chain.writer.nextIndex
  const entries: Uint8Array[] = []
  const briefly = context.isRead(plan.key)
  for (const message of plan.messages) {
    for (const sealed of chain.writer.seal(message)) {
      effects.push(context.pool.put(chain.month, sealed, briefly))
      entries.push(sealed.entry)
    }
  }
  changeUnread(queue, chain.writer.id, plan.entries)
  return { key: plan.key, queue: plan.queue, chain, begun, first, entries }
}

function begin({ crypto, pool, starts, now }: EnqueueContext, { row, room }: Beginning) {
  const writer = ChainWriter.create(crypto)
  const month = pool.currentMonth()
  const start = writer.start(row.queue_key, month)
  const chain: LiveChain = { writer, month, began: now(), renew: false }
  const begun: BegunChain = { chain: writer.id, address: writer.address.slice(), month, start }
  return { chain, begun, effects: starts.add(row, room, { chain: writer.id, month, start }) }
}

/** Gives up the chains that a failed change had advanced: their entries, or their starts, are missing. */
export function abandon({ live }: EnqueueContext, written: readonly Written[]): void {
  for (const { key, chain, begun, entries } of written) {
    wipe(begun?.address)
    chain.writer.wipe()
    const queue = live.find(key)
    if (queue === undefined) continue
    if (queue.chain === chain) queue.chain = undefined
    changeUnread(queue, chain.writer.id, -entries.length)
  }
}
