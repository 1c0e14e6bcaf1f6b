import { expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { queues } from "../../src/qs/tables.ts"
import { poolTable } from "../../src/queue/pool.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import { entropy, windows } from "./bytes.ts"
import { deliver, engineOver, NOVEMBER, Owner, pooled, temporaryStore, write } from "./world.ts"

const pool = poolTable("qs_pool_202611")

/** A world in which the first half of the queues has got a message and the second half none. */
async function population(size: number) {
  const place = await temporaryStore()
  const engine = engineOver(place.store, { now: NOVEMBER }, crypto.random(32))
  const owners = Array.from({ length: size }, () => new Owner())
  await write(
    place.store,
    owners.map(({ id, publicKey }) => engine.newRecord(id, publicKey)),
  )
  const busy = owners.slice(0, size / 2)
  const message = utf8("attack at dawn, at the usual place ".repeat(20))
  await deliver(
    place.store,
    engine,
    busy.map(({ id }) => ({ queue: id, message })),
  )
  return {
    ...place,
    engine,
    owners,
    busy,
    message,
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  }
}

test("the files hold no plaintext, no address key and no chain id, and no entry names a queue", async () => {
  await using world = await population(20)
  const [owner] = world.busy as [Owner]
  await owner.readAll(world.engine)
  expect(owner.received).toHaveLength(1)
  const [cursor] = owner.cursors() as [ReturnType<Owner["cursors"]>[number]]
  world.store.scrub()
  const secrets = [utf8("attack at dawn"), cursor.address, cursor.chain]
  for (const name of readdirSync(world.directory)) {
    const bytes = readFileSync(join(world.directory, name))
    for (const secret of secrets) expect(bytes.includes(secret)).toBe(false)
  }
  const entries = world.store.list(pool, {}, 1000)
  expect(entries).toHaveLength(10)
  for (const { tag, entry } of entries) {
    for (const { id, publicKey } of world.owners) {
      const row = Buffer.concat([tag, entry])
      for (const part of [id, id.subarray(0, 8), publicKey]) expect(row.includes(part)).toBe(false)
    }
  }
})

test("two queues that got the same message share no eight bytes", async () => {
  await using world = await population(8)
  const rows = world.store
    .list(pool, {}, 100)
    .map(({ tag, entry }) => windows(Buffer.concat([tag, entry]), 8))
  const records = world.store.stored(queues).map(({ name, body }) => windows(Buffer.concat([name, body]), 8))
  for (const sets of [rows, records]) {
    for (const [i, one] of sets.entries()) {
      for (const other of sets.slice(i + 1)) expect(one.isDisjointFrom(other)).toBe(true)
    }
  }
})

test("the records of busy and idle queues are alike in length, entropy and every byte's range", async () => {
  await using world = await population(200)
  const busyIds = new Set(world.busy.map(({ id }) => id.toHex()))
  const bodies = world.store.stored(queues).map(({ body }) => body)
  const ids = world.store.rows(queues).map(({ id }) => id.toHex())
  const split = [true, false].map((busy) => bodies.filter((_, i) => busyIds.has(ids[i] as string) === busy))
  expect(new Set(bodies.map(({ length }) => length)).size).toBe(1)
  for (const side of split) {
    expect(side).toHaveLength(100)
    expect(entropy(side)).toBeGreaterThan(7.98)
    // A byte that were fixed by being used, such as a version or a count, would show as a column of equal values.
    for (let at = 0; at < (side[0] as Uint8Array).length; at++) {
      expect(new Set(side.map((body) => body[at])).size).toBeGreaterThan(50)
    }
  }
})

test("a second snapshot does not show which slots of a record changed", async () => {
  await using world = await population(2)
  const [owner] = world.busy as [Owner]
  const shown = () => windows(world.store.storedOf(queues, owner.id).body, 8)
  const before = shown()
  const stream = world.engine.openStream(owner.id, { send: () => true, close: () => undefined })
  await deliver(world.store, world.engine, [{ queue: owner.id, message: world.message }])
  expect(before.isDisjointFrom(shown())).toBe(true)
  stream?.onClosed()
})

test("after everything is acknowledged the pool is empty and the files hold none of its entries", async () => {
  await using world = await population(20)
  const entries = world.store.list(pool, {}, 1000)
  for (const owner of world.busy) {
    await owner.readAll(world.engine)
    await world.engine.acknowledge(owner.id, owner.acknowledgements(), owner.usedUp())
  }
  expect(pooled(world.store)).toBe(0)
  world.store.scrub()
  for (const name of readdirSync(world.directory)) {
    const bytes = readFileSync(join(world.directory, name))
    for (const { tag, entry } of entries) {
      expect(bytes.includes(tag)).toBe(false)
      expect(bytes.includes(entry.subarray(100, 116))).toBe(false)
    }
  }
})
