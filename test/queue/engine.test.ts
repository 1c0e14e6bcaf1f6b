import { expect, test } from "bun:test"
import { ChainReader } from "../../src/crypto/chain.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import type { CryptoProvider } from "../../src/crypto/provider.ts"
import { CHAIN_SLOTS } from "../../src/limits.ts"
import { type Store, StoreClosed } from "../../src/store/database.ts"
import { deliver, engineOver, HOUR, NOVEMBER, Owner, pooled, temporaryStore, texts, write } from "./world.ts"

const slotKey = crypto.random(32)

async function worldWith(owner: Owner, limits: Parameters<typeof engineOver>[3] = {}) {
  const place = await temporaryStore()
  const clock = { now: NOVEMBER }
  const restarted = () => engineOver(place.store, clock, slotKey, limits)
  const engine = restarted()
  await write(place.store, [engine.newRecord(owner.id, owner.publicKey)])
  const asyncDispose = () => place[Symbol.asyncDispose]()
  return { store: place.store, clock, engine, restarted, [Symbol.asyncDispose]: asyncDispose }
}

function message(owner: Owner, size = 10) {
  return [{ queue: owner.id, message: crypto.random(size) }]
}

async function chains(owner: Owner, engine: ReturnType<typeof engineOver>): Promise<number> {
  await owner.read(engine)
  return owner.cursors().length
}

test("a message reaches its owner, and after the acknowledgement nothing of it is left", async () => {
  const owner = new Owner()
  await using world = await worldWith(owner)
  const messages = [crypto.random(10), crypto.random(0), crypto.random(5000)]
  for (const message of messages) await deliver(world.store, world.engine, [{ queue: owner.id, message }])
  expect(pooled(world.store)).toBe(7)

  await owner.readAll(world.engine)
  expect(texts(owner.received)).toEqual(texts(messages))
  await world.engine.acknowledge(owner.id, owner.acknowledgements(), [])
  expect(pooled(world.store)).toBe(0)
  await world.engine.acknowledge(owner.id, owner.acknowledgements(), [])
})

test("messages of one request keep their order within a queue", async () => {
  const [owner, other] = [new Owner(), new Owner()]
  await using world = await worldWith(owner)
  await write(world.store, [world.engine.newRecord(other.id, other.publicKey)])
  const messages = Array.from({ length: 20 }, (_, i) => crypto.random(100 * i))
  const deliveries = messages.flatMap((message) => [owner, other].map(({ id }) => ({ queue: id, message })))
  await deliver(world.store, world.engine, deliveries)
  for (const { read, received } of [owner, other].map((one) => ({
    read: one.readAll(world.engine),
    received: one.received,
  }))) {
    await read
    expect(texts(received)).toEqual(texts(messages))
  }
})

test("a full queue refuses the whole request, and the others' chains do not advance", async () => {
  const [full, other] = [new Owner(), new Owner()]
  await using world = await worldWith(full, { queueEntriesMax: 3 })
  await write(world.store, [world.engine.newRecord(other.id, other.publicKey)])
  await deliver(world.store, world.engine, message(other))
  for (let i = 0; i < 3; i++) await deliver(world.store, world.engine, message(full))
  for (let i = 0; i < 20; i++) {
    const both = [...message(other), ...message(full)]
    await expect(deliver(world.store, world.engine, both)).rejects.toThrow("queue.full")
  }
  await deliver(world.store, world.engine, message(other))
  expect(await chains(other, world.engine)).toBe(1)
  expect(other.received).toHaveLength(2)

  await full.readAll(world.engine)
  await world.engine.acknowledge(full.id, full.acknowledgements(), [])
  await deliver(world.store, world.engine, message(full))
})

test("renewal by age and count leaves the reserved slots alone", async () => {
  const owner = new Owner()
  await using world = await worldWith(owner, { chainEntriesMax: 2, slotsReserved: 10 })
  for (let i = 0; i < 30; i++) await deliver(world.store, world.engine, message(owner))
  expect(await chains(owner, world.engine)).toBe(CHAIN_SLOTS - 10)
  world.clock.now += 25 * HOUR
  await deliver(world.store, world.engine, message(owner))
  expect(await chains(owner, world.engine)).toBe(CHAIN_SLOTS - 10)
  expect(owner.received).toHaveLength(31)
})

test("a chain ends with its month, although it is young and no slot is to spare", async () => {
  const owner = new Owner()
  await using world = await worldWith(owner, { slotsReserved: CHAIN_SLOTS - 1 })
  world.clock.now = Date.UTC(2026, 10, 30, 23, 59)
  await deliver(world.store, world.engine, message(owner))
  world.clock.now = Date.UTC(2026, 11, 1)
  await deliver(world.store, world.engine, message(owner))
  expect(world.store.partitions("qs_pool_")).toEqual(["qs_pool_202611", "qs_pool_202612"])
  await owner.readAll(world.engine)
  expect(owner.cursors().map(({ month }) => month)).toEqual([82, 83])
  expect(owner.received).toHaveLength(2)
})

test("a chain whose commit failed is abandoned, and its keys are gone", async () => {
  const owner = new Owner()
  await using world = await worldWith(owner)
  await deliver(world.store, world.engine, message(owner))
  await expect(deliver(world.store, world.engine, message(owner), true)).rejects.toThrow("refused")
  await deliver(world.store, world.engine, message(owner))
  expect(await chains(owner, world.engine)).toBe(2)
  expect(owner.received).toHaveLength(2)
})

test("messages to a queue that is gone are passed over, in the change that removes it already", async () => {
  const owner = new Owner()
  await using world = await worldWith(owner)
  await deliver(world.store, world.engine, message(owner))
  const { engine } = world
  await world.store.writer.submit({
    expects: [],
    effects: (view) => engine.remove(view, owner.id).effects,
  })
  await deliver(world.store, engine, message(owner))
  expect(pooled(world.store)).toBe(1)
  expect(await engine.dequeue(owner.id, { acknowledge: [], usedUp: [], read: [], max: 1 })).toBeUndefined()
})

test("a chain named twice, a queue key nothing can be sealed to, and a message too long are refused", async () => {
  const owner = new Owner()
  await using world = await worldWith(owner)
  await deliver(world.store, world.engine, message(owner))
  await owner.read(world.engine)
  const cursors = [...owner.cursors(), ...owner.cursors()]
  const acknowledge = [...owner.acknowledgements(), ...owner.acknowledgements()]
  expect(() => world.engine.read(cursors, 10)).toThrow("queue.invalid-cursor")
  await expect(world.engine.acknowledge(owner.id, acknowledge, [])).rejects.toThrow("queue.invalid-cursor")
  expect(() => world.engine.newRecord(crypto.random(16), new Uint8Array(32))).toThrow("request.malformed")
  const long = [{ queue: owner.id, message: new Uint8Array(4 * 1024 * 1024 + 1) }]
  await expect(deliver(world.store, world.engine, long)).rejects.toThrow("request.too-large")
})

test("a long acknowledgement is made in bounded steps from the lowest entry on", async () => {
  const owner = new Owner()
  await using world = await worldWith(owner, { acknowledgedPerUnitMax: 7 })
  await deliver(world.store, world.engine, message(owner, 60 * 1005))
  await owner.readAll(world.engine)
  expect(pooled(world.store)).toBe(60)
  await world.engine.acknowledge(owner.id, owner.acknowledgements(), [])
  expect(pooled(world.store)).toBe(0)
})

test("a long acknowledgement that was cut short by a crash is made good by its repetition", async () => {
  const owner = new Owner()
  await using world = await worldWith(owner, { acknowledgedPerUnitMax: 7 })
  await deliver(world.store, world.engine, message(owner, 60 * 1005))
  await owner.readAll(world.engine)
  let changes = 3
  const { store } = world
  const failing: Store = {
    get: (table, key) => store.get(table, key),
    list: (table, prefix, limit, after) => store.list(table, prefix, limit, after),
    count: (table) => store.count(table),
    partitions: (prefix) => store.partitions(prefix),
    writer: {
      submit: (unit) => (changes-- > 0 ? store.writer.submit(unit) : Promise.reject(new StoreClosed())),
      dropTable: (table) => store.writer.dropTable(table),
    },
  }
  const crashing = engineOver(failing, world.clock, slotKey, { acknowledgedPerUnitMax: 7 })
  await expect(crashing.acknowledge(owner.id, owner.acknowledgements(), [])).rejects.toThrow(StoreClosed)
  expect(pooled(store)).toBe(60 - 3 * 7)
  await world.restarted().acknowledge(owner.id, owner.acknowledgements(), [])
  expect(pooled(store)).toBe(0)
})

test("a chain that cannot be renewed goes on up to its hard bound, and then the queue is full", async () => {
  const owner = new Owner()
  const limits = {
    chainEntriesMax: 2,
    chainEntriesHardMax: 6,
    slotsReserved: 15,
    chainsPerQueueMax: CHAIN_SLOTS,
  }
  await using world = await worldWith(owner, limits)
  for (let i = 0; i < CHAIN_SLOTS * 6; i++) await deliver(world.store, world.engine, message(owner))
  await expect(deliver(world.store, world.engine, message(owner))).rejects.toThrow("queue.full")
  await owner.readAll(world.engine)
  expect(owner.received).toHaveLength(CHAIN_SLOTS * 6)
  expect(owner.cursors().map(({ next }) => next)).toEqual(Array.from({ length: CHAIN_SLOTS }, () => 6))
})

test("the slots that an owner gets are all of one length, and only the used ones open", async () => {
  const owner = new Owner()
  await using world = await worldWith(owner)
  await deliver(world.store, world.engine, message(owner))
  const answer = await world.engine.dequeue(owner.id, { acknowledge: [], usedUp: [], read: [], max: 0 })
  const starts = answer?.starts ?? []
  expect(starts).toHaveLength(CHAIN_SLOTS)
  expect(new Set(starts.map((start) => start.length)).size).toBe(1)
  expect(ChainReader.open(crypto, crypto.random(32), starts[0] as Uint8Array)).toBeUndefined()
  expect(new Set(starts.map((start) => start.toHex())).size).toBe(CHAIN_SLOTS)
  owner.learn(starts)
  expect(owner.cursors()).toHaveLength(1)
})

test("keys are overwritten when a chain advances, is evicted, fails or the server stops", async () => {
  const recorded: Uint8Array[] = []
  const recording: CryptoProvider = {
    ...crypto,
    random: (length) => record(crypto.random(length)),
    hkdfExpand: (key, info, length) => record(crypto.hkdfExpand(key, info, length)),
  }
  function record(bytes: Uint8Array): Uint8Array {
    if (bytes.length === 32) recorded.push(bytes)
    return bytes
  }
  const owners = [new Owner(), new Owner(), new Owner()]
  await using place = await temporaryStore()
  const clock = { now: NOVEMBER }
  const engine = engineOver(place.store, clock, slotKey, { chainsInMemoryMax: 2 }, recording)
  await write(
    place.store,
    owners.map(({ id, publicKey }) => engine.newRecord(id, publicKey)),
  )
  for (const owner of [...owners, ...owners]) await deliver(place.store, engine, message(owner, 3000))
  engine.openStream((owners[2] as Owner).id, { send: () => true, close: () => undefined })
  await deliver(place.store, engine, message(owners[2] as Owner))
  await deliver(place.store, engine, message(owners[0] as Owner), true).catch(() => undefined)
  expect(recorded.some((key) => key.some((byte) => byte !== 0))).toBe(true)
  engine.stop()
  expect(recorded.length).toBeGreaterThan(50)
  expect(recorded.filter((key) => key.some((byte) => byte !== 0))).toEqual([])
})
