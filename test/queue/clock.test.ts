import { expect, test } from "bun:test"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import {
  type Clock,
  deliver,
  engineOver,
  HOUR,
  NOVEMBER,
  Owner,
  pooled,
  temporaryStore,
  write,
} from "./world.ts"

const DAY = 24 * HOUR

async function world() {
  const place = await temporaryStore()
  const { store } = place
  const clock: Clock = { now: NOVEMBER }
  const slotKey = crypto.random(32)
  const owner = new Owner()
  const restarted = () => engineOver(store, clock, slotKey)
  const engine = restarted()
  await write(store, [engine.newRecord(owner.id, owner.publicKey)])
  const say = async (server = engine) => {
    await deliver(store, server, [{ queue: owner.id, message: crypto.random(10) }])
  }
  /** The clock is set: less time has passed than it says. */
  const set = (to: number) => {
    clock.set = (clock.set ?? 0) + to - clock.now
    clock.now = to
  }
  const partitions = () => store.partitions("qs_pool_").map((name) => name.slice(-6))
  const asyncDispose = () => place[Symbol.asyncDispose]()
  return { store, clock, owner, engine, restarted, say, set, partitions, [Symbol.asyncDispose]: asyncDispose }
}

test("each month has its partition, which goes as a whole after the retention time", async () => {
  await using it = await world()
  await it.say()
  it.clock.now = Date.UTC(2027, 0, 5)
  await it.say()
  expect(it.partitions()).toEqual(["202611", "202701"])

  it.clock.now = Date.UTC(2027, 1, 28)
  await it.engine.dropExpiredPartitions()
  expect(pooled(it.store)).toBe(2)
  it.clock.now = Date.UTC(2027, 2, 1)
  await it.engine.dropExpiredPartitions()
  expect(it.partitions()).toEqual(["202701"])

  await it.say()
  await it.owner.readAll(it.engine)
  expect(it.owner.received).toHaveLength(2)
  expect(it.owner.cursors()).toHaveLength(2)
})

test("where messages came month after month, a server that just started drops what is over its time", async () => {
  await using it = await world()
  for (const month of [10, 11, 12, 13]) {
    it.clock.now = Date.UTC(2026, month, 20)
    await it.say()
  }
  it.clock.now = Date.UTC(2026, 14, 1)
  await it.restarted().dropExpiredPartitions()
  expect(it.partitions()).toEqual(["202612", "202701", "202702"])
})

test("a clock that jumps ahead drops nothing, restarts and messages in between included, and nothing is lost when it is set right", async () => {
  await using it = await world()
  for (const month of [8, 9, 10]) {
    it.clock.now = Date.UTC(2026, month, 20)
    await it.say()
  }
  const live = it.partitions()
  const before = it.clock.now
  it.set(Date.UTC(2036, 4, 20))
  await it.engine.dropExpiredPartitions()
  expect(it.partitions()).toEqual(live)
  await it.say()
  await it.engine.dropExpiredPartitions()
  expect(it.partitions()).toEqual([...live, "203605"])

  const restarted = it.restarted()
  await restarted.dropExpiredPartitions()
  await it.say(restarted)
  it.clock.now += 2 * DAY
  await restarted.dropExpiredPartitions()
  expect(it.partitions()).toEqual([...live, "203605"])

  it.set(before + 2 * DAY)
  await restarted.dropExpiredPartitions()
  await it.say(restarted)
  await it.owner.readAll(restarted)
  expect(it.owner.received).toHaveLength(6)
  await restarted.acknowledge(it.owner.id, it.owner.acknowledgements(), it.owner.usedUp())
  expect(pooled(it.store)).toBe(0)
})

test("an owner who reads while the clock is ahead gets everything", async () => {
  await using it = await world()
  await it.say()
  it.set(Date.UTC(2036, 4, 20))
  await it.say()
  await it.owner.readAll(it.engine)
  expect(it.owner.received).toHaveLength(2)
})

test("after a pause of months, a clock that runs undisturbed for days is believed, and one that is set is not", async () => {
  await using it = await world()
  await it.say()
  it.set(Date.UTC(2027, 5, 1))
  const engine = it.restarted()
  await engine.dropExpiredPartitions()
  it.clock.now += 2 * DAY
  await engine.dropExpiredPartitions()
  expect(it.partitions()).toEqual(["202611"])

  it.set(it.clock.now + 2 * HOUR)
  it.clock.now += 2 * DAY
  await engine.dropExpiredPartitions()
  expect(it.partitions()).toEqual(["202611"])
  it.clock.now += 2 * DAY
  await engine.dropExpiredPartitions()
  expect(it.partitions()).toEqual(["202611"])
  it.clock.now += 2 * DAY
  await engine.dropExpiredPartitions()
  expect(it.partitions()).toEqual([])
})

test("months that were never there can be asked for without end", async () => {
  await using it = await world()
  await it.say()
  for (let month = 0; month < 2000; month++) {
    const cursor = { chain: crypto.random(16), address: crypto.random(32), month, next: 0 }
    expect(it.engine.read([cursor], 1)).toEqual([])
  }
})
