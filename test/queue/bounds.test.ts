import { expect, test } from "bun:test"
import { FRAGMENT_BYTES } from "../../src/crypto/chain.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { StreamClient } from "./stream-client.ts"
import { deliver, engineOver, NOVEMBER, Owner, pooled, temporaryStore, texts, write } from "./world.ts"

const MAX = 10

async function world() {
  const place = await temporaryStore()
  const { store } = place
  const slotKey = crypto.random(32)
  const restarted = () => engineOver(store, { now: NOVEMBER }, slotKey, { queueEntriesMax: MAX })
  const owner = new Owner()
  const it = { store, restarted, owner, engine: restarted() }
  await write(store, [it.engine.newRecord(owner.id, owner.publicKey)])
  const say = async (bytes = 20, count = 1) => {
    for (let i = 0; i < count; i++)
      await deliver(store, it.engine, [{ queue: owner.id, message: crypto.random(bytes) }])
  }
  return { it, say, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() }
}

async function acknowledgeAll({ it }: Awaited<ReturnType<typeof world>>): Promise<void> {
  await it.engine.acknowledge(it.owner.id, it.owner.acknowledgements(), it.owner.usedUp())
}

test("a queue takes so many messages, or so many bytes, and then no more until its owner has acknowledged", async () => {
  await using place = await world()
  const { it, say } = place
  for (const [bytes, count] of [
    [20, MAX],
    [4 * FRAGMENT_BYTES, 2],
    [MAX * FRAGMENT_BYTES, 1],
  ] as const) {
    await say(bytes, count)
    await expect(say((MAX - count * Math.ceil(bytes / FRAGMENT_BYTES) + 1) * FRAGMENT_BYTES)).rejects.toThrow(
      "queue.full",
    )
    await it.owner.readAll(it.engine)
    await acknowledgeAll(place)
    expect(pooled(it.store)).toBe(0)
  }
  await expect(say((MAX + 1) * FRAGMENT_BYTES)).rejects.toThrow("queue.full")
  await say()
})

test("after a restart the bound holds again when the owner has been there, read or not, by request and by stream", async () => {
  for (const visit of ["request", "stream"] as const) {
    await using place = await world()
    const { it, say } = place
    await say(20, MAX)
    it.engine = it.restarted()
    await say(20, MAX - 3)
    await it.owner.read(it.engine, 0)
    if (visit === "request") {
      const params = { acknowledge: [], usedUp: [], read: it.owner.cursors(), max: 1 }
      await it.engine.dequeue(it.owner.id, params)
    } else {
      const client = new StreamClient(it.owner, 2)
      client.open(it.engine)
      client.receive(1)
    }
    await expect(say()).rejects.toThrow("queue.full")
    it.owner.received.length = 0
    await it.owner.readAll(it.engine)
    expect(it.owner.received).toHaveLength(2 * MAX - 3)
    await acknowledgeAll(place)
    await say(20, MAX)
    await expect(say()).rejects.toThrow("queue.full")
  }
})

test("acknowledging what the server did not remember makes no room for more than there is", async () => {
  await using place = await world()
  const { it, say } = place
  await say(20, MAX)
  await it.owner.readAll(it.engine)
  const old = it.owner.acknowledgements()
  it.engine = it.restarted()
  await say(20, MAX)
  await it.engine.acknowledge(it.owner.id, old, [])
  expect(pooled(it.store)).toBe(MAX)
  await expect(say()).rejects.toThrow("queue.full")
  await it.owner.readAll(it.engine)
  await acknowledgeAll(place)
  await say(20, MAX)
  expect(texts(it.owner.received)).toHaveLength(2 * MAX)
})
