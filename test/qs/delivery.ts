import { ChainReader } from "../../src/crypto/chain.ts"
import type { Delivery, Enqueued, Recipient } from "../../src/fanout.ts"
import { encodeQueueMessage } from "../../src/wire/queue-message.ts"
import { crypto, Member, type World } from "./world.ts"

/** What the DS does with the QS, and what a client gets of it. */

export async function registered(world: World): Promise<Member> {
  const member = new Member()
  await member.register(world)
  return member
}

/** The queue and ticket of one recipient, or undefined if it is dead. */
export function resolve(world: World, recipient: Recipient) {
  const [resolution] = world.qs.fanout.resolve([recipient])
  return resolution?.kind === "queue" ? resolution : undefined
}

export async function send(world: World, deliveries: readonly Delivery[]): Promise<void> {
  let enqueued: Enqueued | undefined
  await world.store.writer.submit({
    expects: [],
    effects(view) {
      enqueued = world.qs.fanout.enqueue(view, deliveries)
      return enqueued.effects
    },
    committed: () => enqueued?.committed(),
    failed: () => enqueued?.failed(),
  })
}

export async function receive(world: World, member: Member): Promise<Uint8Array[]> {
  const start = { acknowledge: [], usedUp: [], read: [], max: 0 }
  const { starts } = await world.qs.handlers.dequeue(member.signed(start))
  const messages: Uint8Array[] = []
  for (const slot of starts) {
    const opened = ChainReader.open(crypto, member.queueSecretKey, slot)
    if (opened === undefined) continue
    const { reader, month } = opened
    const cursor = { chain: reader.id, address: reader.address, month, next: 0 }
    const { entries } = await world.qs.handlers.dequeue(member.signed({ ...start, read: [cursor], max: 100 }))
    for (const { index, entry } of entries) messages.push(reader.push(index, entry) as Uint8Array)
  }
  return messages
}

/** An encoded QueueMessage of a group. */
export function messageOf(groupId: Uint8Array, bytes = 100): Uint8Array {
  return encodeQueueMessage({ type: "mls", groupId, message: crypto.random(bytes) })
}

/** Sends a message of a group to a member as the DS would: config first, then the message. */
export async function deliverTo(world: World, member: Member, message: Uint8Array): Promise<void> {
  const resolved = resolve(world, { config: member.queueConfig(world), ticket: undefined })
  if (resolved === undefined) throw new Error("a dead queue")
  await send(world, [{ queue: resolved.queue, message }])
}
