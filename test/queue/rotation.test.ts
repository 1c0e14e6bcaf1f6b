import { expect, test } from "bun:test"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { CHAIN_SLOTS, OVERFLOW_STARTS } from "../../src/limits.ts"
import { queues, veiledTables } from "../../src/qs/tables.ts"
import { poolTable } from "../../src/queue/pool.ts"
import { SlotsUnreadable } from "../../src/veil/slot-keys.ts"
import { OpenedVeil } from "../veil/opened.ts"
import { windows } from "./bytes.ts"
import { deliver, engineOver, NOVEMBER, Owner, pooled, temporaryStore, texts, write } from "./world.ts"

const pool = poolTable("qs_pool_202611")
const [first, second, third] = Array.from({ length: 3 }, () => crypto.random(32)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
]

/** A queue with overflow and one without chains, under the first slot key. */
async function world(chains: number) {
  const place = await temporaryStore()
  const { disk } = place.store
  const clock = { now: NOVEMBER }
  const veil = (...keys: Uint8Array[]) => new OpenedVeil(disk, keys, veiledTables)
  const under = (...keys: Uint8Array[]) => engineOver(veil(...keys), clock, keys)
  const pass = async (...keys: Uint8Array[]) => await veil(...keys).pass([under(...keys).renewal])
  const [owner, idle] = [new Owner(), new Owner()]
  const sent: Uint8Array[] = []
  const say = async (...keys: Uint8Array[]) => {
    const message = crypto.random(20)
    await deliver(veil(...keys), under(...keys), [{ queue: owner.id, message }])
    sent.push(message)
  }
  await veil(first).start()
  await write(
    veil(first),
    [owner, idle].map(({ id, publicKey }) => under(first).newRecord(id, publicKey)),
  )
  for (let i = 0; i < chains; i++) await say(first)
  const it = { store: disk, veil, under, pass, owner, idle, sent, say }
  return { ...it, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() }
}

const MANY = CHAIN_SLOTS + 2 * OVERFLOW_STARTS + 3

test("with a new slot key beside the old one, everything queued is found and the queue goes on", async () => {
  await using it = await world(MANY)
  for (let i = 0; i < OVERFLOW_STARTS + 2; i++) await it.say(first, second)
  await it.say(first, second, third)
  await it.owner.readAll(it.under(first, second, third))
  expect(texts(it.owner.received)).toEqual(texts(it.sent))
  await it
    .under(first, second, third)
    .acknowledge(it.owner.id, it.owner.acknowledgements(), it.owner.usedUp())
  expect(pooled(it.store)).toBe(0)
})

test("once all is sealed anew the old slot keys can go, and not before", async () => {
  await using it = await world(MANY)
  for (let i = 0; i < OVERFLOW_STARTS; i++) await it.say(first, second)
  expect(() => it.veil(second)).toThrow(SlotsUnreadable)
  const entries = pooled(it.store)
  await it.pass(first, second, third)
  expect(pooled(it.store)).toBe(entries)

  await it.owner.readAll(it.under(third))
  await it.idle.readAll(it.under(third))
  expect(texts(it.owner.received)).toEqual(texts(it.sent))
  await it.say(third)
  await it.owner.readAll(it.under(third))
  await it.under(third).acknowledge(it.owner.id, it.owner.acknowledgements(), it.owner.usedUp())
  expect(texts(it.owner.received)).toEqual(texts(it.sent))
  expect(pooled(it.store)).toBe(0)
})

test("a record that was written since the rotation still has overflow under the old key, which is found and sealed anew", async () => {
  await using it = await world(MANY)
  const row = () => it.veil(first, second).get(queues, { id: it.owner.id })
  const before = row()
  await it.say(first, second)
  expect(row()).not.toEqual(before!)
  await it.pass(first, second)
  await it.owner.readAll(it.under(second))
  expect(texts(it.owner.received)).toEqual(texts(it.sent))
})

test("a pass leaves no record under its name and shares no bytes with what was there, and changes no entry", async () => {
  await using it = await world(MANY)
  const rows = () => it.veil(first).stored(queues)
  const entries = () => it.store.list(pool, {}, 10_000)
  const [before, lying] = [rows(), entries()]
  await it.pass(first)
  expect(rows()).toHaveLength(2)
  for (const after of rows()) {
    for (const row of before) {
      const [one, other] = [row, after].map(({ name, body }) => windows(Buffer.concat([name, body]), 8))
      expect(one!.isDisjointFrom(other!)).toBe(true)
      expect(after.body).toHaveLength(row.body.length)
    }
  }
  expect(entries()).toEqual(lying)
  await it.owner.readAll(it.under(first))
  expect(texts(it.owner.received)).toEqual(texts(it.sent))
})

test("hundreds of queues are sealed anew, in steps", async () => {
  await using it = await world(0)
  const owners = Array.from({ length: 300 }, () => new Owner())
  await write(
    it.veil(first),
    owners.map(({ id, publicKey }) => it.under(first).newRecord(id, publicKey)),
  )
  await it.pass(first, second)
  for (const owner of owners) expect(await owner.read(it.under(second))).toBe(0)
})
