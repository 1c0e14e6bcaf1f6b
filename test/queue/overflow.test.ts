import { expect, test } from "bun:test"
import { CHAIN_START_BYTES } from "../../src/crypto/chain.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import {
  CHAIN_SLOTS,
  CHAINS_PER_QUEUE_MAX,
  OVERFLOW_ENTRIES_MAX,
  OVERFLOW_STARTS,
  SMALL_REQUEST_BODY_BYTES_MAX,
  STARTS_PER_ANSWER_MAX,
  STREAM_FRAME_BYTES_MAX,
} from "../../src/limits.ts"
import { queues } from "../../src/qs/tables.ts"
import type { QueueEngine } from "../../src/queue/engine.ts"
import { encodeBody } from "../../src/wire/cbor.ts"
import type { OpenedVeil } from "../veil/opened.ts"
import { StreamClient, settle } from "./stream-client.ts"
import {
  type Clock,
  deliver,
  engineOver,
  NOVEMBER,
  Owner,
  pooled,
  temporaryStore,
  texts,
  write,
} from "./world.ts"

/** A server that is restarted before every message, so that each begins a chain. */
class Restless {
  readonly owner = new Owner()
  readonly clock: Clock = { now: NOVEMBER }
  readonly slotKey = crypto.random(32)
  readonly store: OpenedVeil
  readonly sent: Uint8Array[] = []
  readonly #limits: Parameters<typeof engineOver>[3]
  readonly #place: Awaited<ReturnType<typeof temporaryStore>>
  engine: QueueEngine

  private constructor(
    place: Awaited<ReturnType<typeof temporaryStore>>,
    limits: Parameters<typeof engineOver>[3],
  ) {
    this.#place = place
    this.store = place.store
    this.#limits = limits
    this.engine = this.restarted()
  }

  static async begin(limits: Parameters<typeof engineOver>[3] = {}): Promise<Restless> {
    const world = new Restless(await temporaryStore(), limits)
    await write(world.store, [world.engine.newRecord(world.owner.id, world.owner.publicKey)])
    return world
  }

  restarted(): QueueEngine {
    return engineOver(this.store, this.clock, this.slotKey, this.#limits)
  }

  /** Messages, each into a chain of its own. */
  async say(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      this.engine = this.restarted()
      await this.sayAgain()
    }
  }

  /** A message into the chain that is in memory. */
  async sayAgain(refuse = false): Promise<void> {
    const message = crypto.random(10)
    await deliver(this.store, this.engine, [{ queue: this.owner.id, message }], refuse)
    this.sent.push(message)
  }

  /** The owner reads everything and says so. */
  async visit(): Promise<void> {
    await this.owner.readAll(this.engine)
    await this.engine.acknowledge(this.owner.id, this.owner.acknowledgements(), this.owner.usedUp())
  }

  get slots(): Uint8Array {
    const row = this.store.get(queues, { id: this.owner.id })
    if (row === undefined) throw new Error("no queue")
    return row.slots
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#place[Symbol.asyncDispose]()
  }
}

function overflowOf(chains: number): number {
  return Math.max(0, Math.ceil((chains - CHAIN_SLOTS) / OVERFLOW_STARTS))
}

test("hundreds of restarts while the owner is away lose nothing, and cost the pool an entry for every nine", async () => {
  await using world = await Restless.begin()
  for (const chains of [CHAIN_SLOTS, 1, OVERFLOW_STARTS - 1, 1, 90]) {
    await world.say(chains)
    expect(pooled(world.store)).toBe(world.sent.length + overflowOf(world.sent.length))
  }
  await world.say(CHAINS_PER_QUEUE_MAX - world.sent.length)
  await world.visit()
  expect(texts(world.owner.received)).toEqual(texts(world.sent))
  expect(pooled(world.store)).toBe(0)
  await world.say(20)
  await world.visit()
  expect(texts(world.owner.received)).toEqual(texts(world.sent))
  expect(pooled(world.store)).toBe(0)
}, 20_000)

test("a queue with all the chains it may have goes on with the one in memory, and without it is full until a visit", async () => {
  await using world = await Restless.begin()
  await world.say(CHAINS_PER_QUEUE_MAX)
  await world.sayAgain()
  await expect(world.say(1)).rejects.toThrow("queue.full")
  await expect(world.say(1)).rejects.toThrow("queue.full")
  await world.owner.readAll(world.engine)
  expect(texts(world.owner.received)).toEqual(texts(world.sent))
  const [first, second] = world.owner.usedUp() as [Uint8Array, Uint8Array]
  await world.engine.acknowledge(world.owner.id, world.owner.acknowledgements(), [first, second])
  await world.say(2)
  await expect(world.say(1)).rejects.toThrow("queue.full")
  await world.visit()
  await world.say(1)
  await world.visit()
  expect(texts(world.owner.received)).toEqual(texts(world.sent))
  expect(pooled(world.store)).toBe(0)
}, 20_000)

test("chains end in any order, wherever their starts lie, and the others keep theirs", async () => {
  await using world = await Restless.begin()
  const { owner } = world
  await world.say(150)
  await owner.readAll(world.engine)
  const ids = owner.usedUp()
  const picked = ids.filter((_, i) => (i * 7919) % 5 < 3)
  for (let at = 0; at < picked.length; at += 11) {
    await world.engine.acknowledge(owner.id, [], picked.slice(at, at + 11))
  }
  const left = ids.filter((id) => !picked.includes(id)).map((id) => id.toHex())
  await owner.read(world.engine)
  expect(owner.usedUp().map((id) => id.toHex())).toEqual(left)

  await world.say(CHAINS_PER_QUEUE_MAX - left.length - 1)
  await owner.readAll(world.engine)
  expect(texts(owner.received)).toEqual(texts(world.sent))
  const overflow = pooled(world.store) - world.sent.length
  expect(overflow).toBeLessThanOrEqual(OVERFLOW_ENTRIES_MAX)
  await world.engine.acknowledge(owner.id, [], owner.usedUp())
  expect(pooled(world.store)).toBe(world.sent.length)
}, 20_000)

test("overflow entries that were nearly emptied are packed anew when there is no room for another", async () => {
  await using world = await Restless.begin()
  const { owner } = world
  await world.say(CHAINS_PER_QUEUE_MAX)
  await owner.readAll(world.engine)
  const overflowing = owner.usedUp().slice(0, CHAINS_PER_QUEUE_MAX - CHAIN_SLOTS)
  // All but the first start of each entry: the entries stay.
  const ended = overflowing.filter((_, i) => i % OVERFLOW_STARTS !== 0)
  await world.engine.acknowledge(owner.id, owner.acknowledgements(), ended)
  expect(pooled(world.store)).toBe(overflowOf(CHAINS_PER_QUEUE_MAX))
  for (let i = 1; i <= 60; i++) {
    await world.say(1)
    expect(pooled(world.store) - i).toBeLessThanOrEqual(OVERFLOW_ENTRIES_MAX)
  }
  await world.visit()
  expect(texts(owner.received)).toEqual(texts(world.sent))
  expect(pooled(world.store)).toBe(0)
}, 20_000)

test("the newest chain's start stays even if its owner says that all are used up", async () => {
  await using world = await Restless.begin()
  await world.say(40)
  await world.owner.readAll(world.engine)
  const all = world.owner.cursors().map(({ chain }) => chain)
  await world.engine.acknowledge(world.owner.id, world.owner.acknowledgements(), all)
  expect(pooled(world.store)).toBe(0)
  await world.sayAgain()
  await world.owner.readAll(world.engine)
  expect(texts(world.owner.received)).toEqual(texts(world.sent))
  expect(world.owner.cursors()).toHaveLength(1)
})

test("several changes of one epoch see each other's moves, and a failed one leaves the starts as they were", async () => {
  await using world = await Restless.begin()
  await world.say(CHAIN_SLOTS)
  const { owner, store } = world
  const messages = Array.from({ length: 30 }, () => crypto.random(10))
  const engines = messages.map(() => world.restarted())
  const outcomes = await Promise.allSettled(
    messages.map((message, i) => {
      return deliver(store, engines[i] as QueueEngine, [{ queue: owner.id, message }], i % 4 === 3)
    }),
  )
  const accepted = messages.filter((_, i) => outcomes[i]?.status === "fulfilled")
  expect(accepted).toHaveLength(23)
  await owner.readAll(world.restarted())
  expect(texts(owner.received)).toEqual(texts([...world.sent, ...accepted]))
  const chains = CHAIN_SLOTS + accepted.length
  expect(pooled(store)).toBe(chains + overflowOf(chains))
})

test("a removed queue's overflow is removed in the same change", async () => {
  await using world = await Restless.begin()
  await world.say(100)
  expect(pooled(world.store)).toBe(100 + overflowOf(100))
  await world.store.writer.submit({
    expects: [],
    effects: (view) => world.engine.remove(view, world.owner.id).effects,
  })
  expect(pooled(world.store)).toBe(100)
  await world.store.writer.submit({
    expects: [],
    effects: (view) => world.engine.remove(view, world.owner.id).effects,
  })
  expect(pooled(world.store)).toBe(100)
})

test("chains go with their partition, and the others' starts stay, whichever partition these lie in", async () => {
  await using world = await Restless.begin()
  const { owner } = world
  const months = [10, 11, 12, 13, 14, 15].map((month) => Date.UTC(2026, month, 20))
  for (const month of months) {
    world.clock.now = month
    await world.say(30)
  }
  // Overflow entries of each month hold starts of the month before as well.
  world.clock.now = Date.UTC(2027, 3, 20)
  await world.engine.dropExpiredPartitions()
  expect(world.store.partitions("qs_pool_")).toHaveLength(4)
  await owner.readAll(world.engine)
  expect(texts(owner.received)).toEqual(texts(world.sent.slice(60)))
  expect(owner.cursors()).toHaveLength(120)

  await world.say(CHAINS_PER_QUEUE_MAX - 120)
  await expect(world.say(1)).rejects.toThrow("queue.full")
  await world.visit()
  expect(texts(owner.received)).toEqual(texts(world.sent.slice(60)))
  expect(pooled(world.store)).toBe(0)
}, 20_000)

test("with the clock set back, starts that move lie in a partition that outlasts their chains", async () => {
  await using world = await Restless.begin()
  world.clock.now = Date.UTC(2026, 11, 1)
  await world.say(20)
  world.clock.now = NOVEMBER
  await world.say(20)
  const names = world.store.partitions("qs_pool_")
  expect(names).toEqual(["qs_pool_202611", "qs_pool_202612"])
  world.clock.now = Date.UTC(2027, 2, 15)
  world.clock.set = 0
  await world.engine.dropExpiredPartitions()
  expect(world.store.partitions("qs_pool_")).toEqual(["qs_pool_202612"])
  await world.visit()
  expect(texts(world.owner.received)).toEqual(texts(world.sent.slice(0, 20)))
})

test("a stream brings all chains' messages in order, and their ends are told in one burst", async () => {
  await using world = await Restless.begin()
  await world.say(CHAINS_PER_QUEUE_MAX)
  const client = new StreamClient(world.owner, 1000)
  client.open(world.engine)
  await client.finish()
  expect(texts(world.owner.received)).toEqual(texts(world.sent))
  client.usedUp()
  await settle()
  expect(client.closedWith).toBeUndefined()
  expect(pooled(world.store)).toBe(0)
  client.open(world.engine)
  await client.finish()
  expect(world.owner.cursors()).toHaveLength(1)
}, 20_000)

test("the fullest answer and requests fit into a frame and a small request", async () => {
  await using world = await Restless.begin()
  await world.say(CHAINS_PER_QUEUE_MAX - 1)
  const { owner, engine } = world
  const result = await engine.dequeue(owner.id, { acknowledge: [], usedUp: [], read: [], max: 0 })
  const starts = result?.starts ?? []
  expect(starts.length).toBeLessThanOrEqual(STARTS_PER_ANSWER_MAX)
  expect(new Set(starts.map(({ length }) => length))).toEqual(new Set([CHAIN_START_BYTES]))
  await world.say(1)
  await owner.read(world.engine)
  const cursors = owner.cursors().map((cursor) => ({ ...cursor, month: 65_535, next: 40_000 }))
  const acknowledge = cursors.map(({ next, ...address }) => ({ ...address, through: next }))
  const usedUp = cursors.map(({ chain }) => chain)
  expect(cursors).toHaveLength(CHAINS_PER_QUEUE_MAX)
  const full = Array.from({ length: STARTS_PER_ANSWER_MAX }, () => crypto.random(CHAIN_START_BYTES))
  for (const frame of [
    { type: "read", chains: cursors },
    { type: "starts", starts: full },
  ]) {
    expect(encodeBody(frame).length).toBeLessThan(STREAM_FRAME_BYTES_MAX)
  }
  const request = encodeBody({ acknowledge, usedUp, read: cursors, max: 512 })
  expect(request.length + 512).toBeLessThan(SMALL_REQUEST_BODY_BYTES_MAX)
}, 20_000)
