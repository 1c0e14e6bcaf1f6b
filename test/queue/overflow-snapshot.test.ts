import { expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { ENTRY_BYTES, entryTag } from "../../src/crypto/chain.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { CHAIN_SLOTS, OVERFLOW_STARTS } from "../../src/limits.ts"
import { queues } from "../../src/qs/tables.ts"
import { poolTable } from "../../src/queue/pool.ts"
import type { StoredRow } from "../../src/veil/table.ts"
import { entropy, windows } from "./bytes.ts"
import { type Clock, deliver, engineOver, NOVEMBER, Owner, temporaryStore, write } from "./world.ts"

/** Queues that got as many messages as they are told here, each after a restart. */
async function population(chains: readonly number[]) {
  const place = await temporaryStore()
  const { store } = place
  const clock: Clock = { now: NOVEMBER }
  const slotKey = crypto.random(32)
  const owners = chains.map((count) => ({ owner: new Owner(), count }))
  const restarted = () => engineOver(store, clock, slotKey)
  await write(
    store,
    owners.map(({ owner }) => restarted().newRecord(owner.id, owner.publicKey)),
  )
  const say = async (to: readonly Owner[]) => {
    const deliveries = to.map(({ id }) => ({ queue: id, message: crypto.random(50) }))
    await deliver(store, restarted(), deliveries)
  }
  for (let i = 0; i < Math.max(...chains); i++) {
    await say(owners.flatMap(({ owner, count }) => (i < count ? [owner] : [])))
  }
  const pool = () =>
    store.partitions("qs_pool_").flatMap((name) => {
      return store.list(poolTable(name), {}, 10_000).map((row) => ({ ...row, name }))
    })
  /** The pool's rows that are no messages, as only the owners can tell. */
  const overflow = async () => {
    const messages = new Set<string>()
    for (const { owner } of owners) {
      await owner.readAll(restarted())
      for (const { address, next } of owner.cursors()) {
        for (let index = 0; index < next; index++) messages.add(entryTag(crypto, address, index).toHex())
      }
    }
    return pool().filter(({ tag }) => !messages.has(tag.toHex()))
  }
  const asyncDispose = () => place[Symbol.asyncDispose]()
  return {
    ...{ ...place, clock, owners: owners.map(({ owner }) => owner), restarted, say, pool, overflow },
    [Symbol.asyncDispose]: asyncDispose,
  }
}

const OVERFLOWING = CHAIN_SLOTS + 2 * OVERFLOW_STARTS

test("overflow entries are like message entries in length, entropy and every byte's range", async () => {
  await using world = await population(Array.from({ length: 60 }, () => OVERFLOWING))
  const overflow = await world.overflow()
  expect(overflow).toHaveLength(120)
  const known = new Set(overflow.map(({ tag }) => tag.toHex()))
  const messages = world.pool().filter(({ tag }) => !known.has(tag.toHex()))
  expect(messages).toHaveLength(60 * OVERFLOWING)
  for (const rows of [overflow, messages.slice(0, 120)]) {
    expect(new Set(rows.map(({ entry }) => entry.length))).toEqual(new Set([ENTRY_BYTES]))
    expect(new Set(rows.map(({ tag }) => tag.length))).toEqual(new Set([16]))
    expect(entropy(rows.map(({ entry }) => entry))).toBeGreaterThan(7.99)
    expect(entropy(rows.map(({ tag }) => tag))).toBeGreaterThan(7.8)
    // A byte that were fixed by its purpose, such as a version or a count, would show as a column of equal values.
    for (let at = 0; at < ENTRY_BYTES; at++) {
      expect(new Set(rows.map(({ entry }) => entry[at])).size).toBeGreaterThan(60)
    }
  }
}, 20_000)

test("records of queues with overflow are like those of others, and no record spills to another page", async () => {
  const idle = Array.from({ length: 60 }, () => 0)
  const some = Array.from({ length: 60 }, () => 3)
  const many = Array.from({ length: 60 }, () => OVERFLOWING)
  await using world = await population([...idle, ...some, ...many])
  const rows = world.store.stored(queues)
  expect(rows).toHaveLength(180)
  const ids = new Map(world.store.rows(queues).map(({ id }, i) => [id.toHex(), (rows[i] as StoredRow).body]))
  expect(new Set(rows.map(({ body }) => body.length)).size).toBe(1)
  for (const from of [0, 60, 120]) {
    const group = world.owners.slice(from, from + 60).map(({ id }) => ids.get(id.toHex()) as Uint8Array)
    expect(entropy(group)).toBeGreaterThan(7.98)
    for (let at = 0; at < (group[0] as Uint8Array).length; at++) {
      expect(new Set(group.map((bytes) => bytes[at])).size).toBeGreaterThan(30)
    }
  }
  // SQLite's bound for a row of a WITHOUT ROWID table in pages of 8 KiB.
  const { name, body } = rows[0] as StoredRow
  expect(name.length + body.length + 16).toBeLessThan(Math.floor(((8192 - 12) * 64) / 255) - 23)
}, 20_000)

test("entries never change from one snapshot to the next, and come into the current month only", async () => {
  await using world = await population([OVERFLOWING, 5])
  const [owner, other] = world.owners as [Owner, Owner]
  const seen = new Map<string, string>()
  const look = (month: string) => {
    for (const { name, tag, entry } of world.pool()) {
      const [key, value] = [`${name} ${tag.toHex()}`, entry.toHex()]
      if (!seen.has(key)) expect(name).toBe(`qs_pool_${month}`)
      expect(seen.get(key) ?? value).toBe(value)
      seen.set(key, value)
    }
  }
  look("202611")
  for (const [at, month] of ["202611", "202612", "202701"].entries()) {
    world.clock.now = Date.UTC(2026, 10 + at, 25)
    for (let i = 0; i < 25; i++) {
      await world.say([owner, other])
      look(month)
    }
    await owner.readAll(world.restarted())
    const used = owner.usedUp()
    for (const ended of [used.slice(0, 5), used.slice(9, 20), used.slice(22, 23)]) {
      await world.restarted().acknowledge(owner.id, [], ended)
      look(month)
    }
  }
}, 20_000)

test("queues share no bytes in their overflow, nor do an entry and the one that takes its place", async () => {
  await using world = await population([OVERFLOWING, OVERFLOWING])
  const before = await world.overflow()
  const [owner] = world.owners as [Owner]
  const first = [owner.acknowledgements().slice(0, 1), owner.usedUp().slice(0, 1)] as const
  await world.restarted().acknowledge(owner.id, ...first)
  const known = new Set(before.map(({ tag }) => tag.toHex()))
  const after = (await world.overflow()).filter(({ tag }) => !known.has(tag.toHex()))
  expect(after).toHaveLength(1)
  const sets = [...before, ...after].map(({ tag, entry }) => windows(Buffer.concat([tag, entry]), 8))
  for (const [i, one] of sets.entries()) {
    for (const other of sets.slice(i + 1)) expect(one.isDisjointFrom(other)).toBe(true)
  }
})

test("nothing of a removed queue's overflow is left in the files, nor of one whose owner came back", async () => {
  await using world = await population([100, 100, 100])
  const overflow = await world.overflow()
  expect(overflow).toHaveLength(30)
  const [removed, back, away] = world.owners as [Owner, Owner, Owner]
  await world.store.writer.submit({
    expects: [],
    effects: (view) => world.restarted().remove(view, removed.id).effects,
  })
  await world.restarted().acknowledge(back.id, back.acknowledgements(), back.usedUp())
  const left = new Set((await world.pool()).map(({ tag }) => tag.toHex()))
  const gone = overflow.filter(({ tag }) => !left.has(tag.toHex()))
  expect(gone).toHaveLength(20)
  world.store.scrub()
  const files = readdirSync(world.directory).map((name) => readFileSync(join(world.directory, name)))
  for (const bytes of files) {
    for (const { tag, entry } of gone) {
      expect(bytes.includes(tag)).toBe(false)
      expect(bytes.includes(entry.subarray(100, 116))).toBe(false)
    }
  }
  expect(away.cursors()).toHaveLength(100)
}, 20_000)
