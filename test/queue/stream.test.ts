import { expect, test } from "bun:test"
import fc from "fast-check"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import type { QueueEngineOptions } from "../../src/queue/engine.ts"
import { poolTable } from "../../src/queue/pool.ts"
import { streamClose } from "../../src/wire/queue.ts"
import { type ServerFrame, StreamClient, settle } from "./stream-client.ts"
import { deliver, engineOver, HOUR, NOVEMBER, Owner, pooled, temporaryStore, texts, write } from "./world.ts"

const slotKey = crypto.random(32)

async function worldWith(owner: Owner, limits: QueueEngineOptions["limits"] = {}) {
  const place = await temporaryStore()
  const clock = { now: NOVEMBER }
  const engine = engineOver(place.store, clock, slotKey, limits)
  await write(place.store, [engine.newRecord(owner.id, owner.publicKey)])
  const say = async (...sizes: number[]): Promise<Uint8Array[]> => {
    const messages = sizes.map((size) => crypto.random(size))
    for (const message of messages) await deliver(place.store, engine, [{ queue: owner.id, message }])
    return messages
  }
  const asyncDispose = () => place[Symbol.asyncDispose]()
  return { store: place.store, clock, engine, say, [Symbol.asyncDispose]: asyncDispose }
}

test("the backlog comes first, then one empty frame, then what is new, announced by its chain's start", async () => {
  const owner = new Owner()
  await using world = await worldWith(owner)
  const old = await world.say(10, 1500)
  const client = new StreamClient(owner, 1000)
  client.open(world.engine)
  const fresh = await world.say(20)
  await settle()
  expect(client.waiting).toBe(1)
  client.receive(1)
  await settle()
  client.receive(1000)
  fresh.push(...(await world.say(30)))
  await client.finish()
  expect(client.seen).toEqual(["starts", "entry", "entry", "entry", "empty", "start", "entry", "entry"])
  expect(texts(owner.received)).toEqual(texts([...old, ...fresh]))
  expect(pooled(world.store)).toBe(0)
})

test("a queue without chains is empty at once, and a new stream replaces the old one", async () => {
  const owner = new Owner()
  await using world = await worldWith(owner)
  const first = new StreamClient(owner, 1000)
  first.open(world.engine)
  first.receive(1)
  first.receive(1)
  expect(first.seen).toEqual(["starts", "empty"])
  const second = new StreamClient(owner, 1000)
  second.open(world.engine)
  expect(first.closedWith).toBe(streamClose.replaced)
  await world.say(5)
  await second.finish()
  expect(second.seen).toEqual(["starts", "empty", "start", "entry"])
  expect(first.waiting).toBe(0)
})

test("an idle stream gets a new message by itself", async () => {
  const owner = new Owner()
  await using world = await worldWith(owner)
  const client = new StreamClient(owner, 1000)
  client.open(world.engine)
  client.receive(2)
  expect(client.seen).toEqual(["starts", "empty"])
  for (const size of [7, 8]) {
    await world.say(size)
    await settle()
    client.receive(2)
    expect(owner.received.at(-1)).toHaveLength(size)
  }
})

test("what comes for a reader waits apart until it is acknowledged, and what comes for somebody who is away does not", async () => {
  const owner = new Owner()
  await using world = await worldWith(owner)
  const apart = () =>
    world.store.partitions("fresh_").reduce((sum, name) => sum + world.store.count(poolTable(name)), 0)
  await world.say(10, 20)
  expect([pooled(world.store), apart()]).toEqual([2, 0])
  const client = new StreamClient(owner, 1000)
  client.open(world.engine)
  await world.say(30)
  expect([pooled(world.store), apart()]).toEqual([3, 1])
  await client.finish()
  expect(owner.received.map(({ length }) => length)).toEqual([10, 20, 30])
  expect([pooled(world.store), apart()]).toEqual([0, 0])
})

test("a stream that has caught up looks for nothing, however much comes and is acknowledged", async () => {
  const owner = new Owner()
  await using world = await worldWith(owner)
  let looked = 0
  const { store } = world
  const engine = engineOver(
    {
      get(table, key) {
        if (table.name.startsWith("qs_pool_")) looked++
        return store.get(table, key)
      },
      list: (table, prefix, limit, after) => store.list(table, prefix, limit, after),
      count: (table) => store.count(table),
      partitions: (prefix) => store.partitions(prefix),
      writer: store.writer,
    },
    world.clock,
    slotKey,
  )
  const client = new StreamClient(owner, 1000)
  const say = async (size: number) => {
    await deliver(store, engine, [{ queue: owner.id, message: crypto.random(size) }])
    await settle()
    client.receive(1000)
    await settle()
  }
  client.open(engine)
  client.receive(1000)
  await say(10)
  expect(looked).toBeGreaterThan(0)
  looked = 0
  for (let i = 0; i < 5; i++) await say(20)
  expect(looked).toBe(0)
  expect(owner.received).toHaveLength(6)
  await client.finish()
  expect(pooled(store)).toBe(0)
})

test("a reader that takes nothing gets no more than its sink or its window holds", async () => {
  const owner = new Owner()
  await using world = await worldWith(owner, { streamWindowEntries: 20 })
  const sent = await world.say(...Array.from({ length: 100 }, () => 10))
  const narrow = new StreamClient(owner, 4)
  narrow.open(world.engine)
  narrow.receive(1)
  await settle()
  expect(narrow.waiting).toBe(4)

  const wide = new StreamClient(owner, 1000)
  wide.open(world.engine)
  wide.receive(1)
  await settle()
  expect(wide.waiting).toBe(20)
  wide.receive(20)
  await settle()
  expect(wide.waiting).toBe(0)
  await wide.finish()
  expect(wide.mostBuffered).toBe(20)
  expect(texts(owner.received)).toEqual(texts(sent))
})

test("what was acknowledged before the connection ended is deleted, and the rest is sent again", async () => {
  const owner = new Owner()
  await using world = await worldWith(owner)
  await world.say(1, 2, 3, 4)
  const client = new StreamClient(owner, 1000)
  client.open(world.engine)
  client.receive(1)
  client.receive(2)
  client.acknowledge()
  client.cut()
  await settle()
  expect(pooled(world.store)).toBe(2)
  client.open(world.engine)
  await client.finish()
  expect(client.seen.filter((type) => type === "entry")).toHaveLength(2)
  expect(owner.received.map((message) => message.length)).toEqual([1, 2, 3, 4])
  expect(pooled(world.store)).toBe(0)
})

test("an acknowledgement that was lost with its connection is made good by a later one", async () => {
  const owner = new Owner()
  await using world = await worldWith(owner)
  await world.say(1, 2, 3)
  const client = new StreamClient(owner, 1000)
  client.open(world.engine)
  client.receive(4)
  client.cut()
  client.open(world.engine)
  client.receive(1)
  client.acknowledge()
  await settle()
  expect(pooled(world.store)).toBe(0)
  expect(client.seen).toEqual(["starts"])
})

test("a used-up chain's slot is free again, but never that of the newest chain", async () => {
  const owner = new Owner()
  await using world = await worldWith(owner)
  const client = new StreamClient(owner, 1000)
  for (let round = 0; round < 40; round++) {
    client.open(world.engine)
    await world.say(10)
    await client.finish()
    client.usedUp()
    for (const { chain } of owner.cursors()) client.send({ type: "used-up", chain })
    await settle()
  }
  expect(owner.received).toHaveLength(40)
  client.open(world.engine)
  await client.finish()
  expect(owner.cursors()).toHaveLength(1)
})

test("acknowledging what was never sent, an unknown chain, or reading twice closes the stream", async () => {
  const owner = new Owner()
  await using world = await worldWith(owner)
  await world.say(1)
  const chain = () => (owner.cursors()[0] as { chain: Uint8Array }).chain
  const misdeeds: (() => Parameters<StreamClient["send"]>[0])[] = [
    () => ({ type: "acknowledge", chain: chain(), through: 1 }),
    () => ({ type: "acknowledge", chain: crypto.random(16), through: 0 }),
    () => ({ type: "read", chains: owner.cursors() }),
  ]
  for (const misdeed of misdeeds) {
    const client = new StreamClient(owner, 1000)
    client.open(world.engine)
    client.receive(2)
    client.send(misdeed())
    expect(client.closedWith).toBe(streamClose.malformed)
    client.send({ type: "acknowledge", chain: chain(), through: 0 })
  }
  const twice = new StreamClient(owner, 1000)
  twice.open(world.engine)
  const [cursor] = owner.cursors()
  twice.send({ type: "read", chains: [cursor, cursor] as never })
  expect(twice.closedWith).toBe(streamClose.malformed)
  await settle()
  expect(pooled(world.store)).toBe(1)
})

test("a stream sends a long backlog in turns that leave room for others", async () => {
  const owner = new Owner()
  await using world = await worldWith(owner)
  await world.say(100 * 1005)
  const client = new StreamClient(owner, 1000)
  client.open(world.engine)
  client.receive(1)
  expect(client.waiting).toBeLessThan(40)
  await settle()
  expect(client.waiting).toBe(101)
})

test("a removed queue's stream is closed, and stopping closes all", async () => {
  const [gone, other] = [new Owner(), new Owner()]
  await using world = await worldWith(gone)
  await write(world.store, [world.engine.newRecord(other.id, other.publicKey)])
  const [first, second] = [new StreamClient(gone, 10), new StreamClient(other, 10)]
  first.open(world.engine)
  second.open(world.engine)
  const removal = { change: undefined as ReturnType<typeof world.engine.remove> | undefined }
  await world.store.writer.submit({
    expects: [],
    effects: (view) => {
      removal.change = world.engine.remove(view, gone.id)
      return removal.change.effects
    },
    committed: () => removal.change?.committed(),
  })
  expect(first.closedWith).toBe(streamClose.refused)
  expect(world.engine.exists(gone.id)).toBe(false)
  expect(second.closedWith).toBeUndefined()
  world.engine.stop()
  expect(second.closedWith).toBe(streamClose.stopping)
})

type Step =
  | { kind: "say"; sizes: number[] }
  | { kind: "open" }
  | { kind: "cut" }
  | { kind: "receive"; max: number }
  | { kind: "acknowledge"; usedUp: boolean }
  | { kind: "settle" }
  | { kind: "restart" }
  | { kind: "pass" }

function just<const T extends string>(kind: T) {
  return fc.record({ kind: fc.constant(kind) })
}

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("say" as const),
      sizes: fc.array(fc.nat(4000), { minLength: 1, maxLength: 6 }),
    }),
  },
  { weight: 2, arbitrary: just("open") },
  { weight: 1, arbitrary: just("cut") },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("receive" as const), max: fc.nat(12) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("acknowledge" as const), usedUp: fc.boolean() }),
  },
  { weight: 3, arbitrary: just("settle") },
  { weight: 1, arbitrary: just("restart") },
  { weight: 1, arbitrary: just("pass") },
)

test("a stream that is cut anywhere, over a wire of any size, loses, doubles and reorders nothing", async () => {
  const wire = fc.integer({ min: 1, max: 12 })
  const window = fc.integer({ min: 1, max: 16 })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 50 }), wire, window, async (steps, capacity, entries) => {
      const owner = new Owner()
      const limits = { chainEntriesMax: 6, chainEntriesHardMax: 60, streamWindowEntries: entries }
      await using world = await worldWith(owner, limits)
      let engine = world.engine
      const client = new StreamClient(owner, capacity)
      const sent: Uint8Array[] = []
      for (const step of steps) {
        if (step.kind === "say") {
          for (const size of step.sizes) {
            const message = crypto.random(size)
            await deliver(world.store, engine, [{ queue: owner.id, message }]).then(
              () => sent.push(message),
              () => undefined,
            )
          }
        } else if (step.kind === "open") client.open(engine)
        else if (step.kind === "cut") client.cut()
        else if (step.kind === "receive") client.receive(step.max)
        else if (step.kind === "acknowledge") {
          client.acknowledge()
          if (step.usedUp && client.seen.includes("empty")) client.usedUp()
        } else if (step.kind === "settle") await settle(3)
        else if (step.kind === "pass") world.clock.now += 25 * HOUR
        else {
          client.cut()
          engine.stop()
          engine = engineOver(world.store, world.clock, slotKey, limits)
        }
      }
      client.open(engine)
      await client.finish()
      expect(texts(owner.received)).toEqual(texts(sent))
      expect(client.seen.filter((type: ServerFrame["type"]) => type === "empty")).toHaveLength(1)
      expect(client.mostBuffered).toBeLessThanOrEqual(Math.max(capacity, 1))
      expect(pooled(world.store)).toBe(0)
    }),
    { numRuns: 150 },
  )
}, 60_000)
