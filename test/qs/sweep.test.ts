import { expect, test } from "bun:test"
import { CLIENT_RETENTION_MONTHS } from "../../src/limits.ts"
import type { QsStore } from "../../src/qs/parts.ts"
import { addPackages, clients, friendships, queues, users } from "../../src/qs/tables.ts"
import { StoreClosed } from "../../src/store/database.ts"
import { deliverTo, messageOf, receive, registered } from "./delivery.ts"
import { filesHold, goneSince, marksOf, written } from "./files.ts"
import { crypto, type Member, signed, World } from "./world.ts"

const NOVEMBER = 10
const group = crypto.random(16)

/** Some day of a month, counted from January 2026 as 0. */
function day(month: number, date: number): number {
  return Date.UTC(2026, month, date)
}

/** As many sweeps as come in a month, about once a day. */
async function sweepThrough(world: World, month: number): Promise<void> {
  for (const date of [1, 2, 14, 28]) {
    world.now = day(month, date)
    await world.qs.sweep()
  }
}

async function visit(world: World, member: Member): Promise<void> {
  await receive(world, member)
  await written(world)
}

function isThere(world: World, { client }: Member): boolean {
  return world.store.get(clients, { id: client }) !== undefined
}

test("a client that stays away is kept for three whole months, whichever day it was last seen", async () => {
  await using world = await World.open()
  world.now = day(NOVEMBER, 1)
  const first = await registered(world)
  await world.qs.sweep()
  world.now = day(NOVEMBER, 30)
  const last = await registered(world)
  for (let away = 1; away <= CLIENT_RETENTION_MONTHS; away++) {
    await sweepThrough(world, NOVEMBER + away)
    expect([isThere(world, first), isThere(world, last)]).toEqual([true, true])
  }
  world.now = day(NOVEMBER + CLIENT_RETENTION_MONTHS + 1, 1)
  await world.qs.sweep()
  expect([isThere(world, first), isThere(world, last)]).toEqual([false, false])
})

test("any signed request of the client in any month starts the time anew, and nobody else's does", async () => {
  await using world = await World.open()
  const members = await Promise.all(Array.from({ length: 5 }, () => registered(world)))
  const [reader, streamer, blocker, visited, forged] = members as [Member, Member, Member, Member, Member]
  const { handlers } = world.qs
  for (let month = NOVEMBER + 1; month < NOVEMBER + 10; month += 3) {
    for (const late of [0, 1, 2]) await sweepThrough(world, month + late)
    await receive(world, reader)
    world.qs.openStream(streamer.signed({}), { send: () => true, close: () => undefined }).onClosed()
    await handlers.blockGroup(blocker.signed({ groupId: crypto.random(16) }))
    await handlers.getUser(visited.signedAsUser({})).catch(() => undefined)
    const sender = { kind: "qs-client", id: forged.client } as const
    await handlers.getClient(signed(crypto.random(32), sender, {})).catch(() => undefined)
    if (isThere(world, visited)) await deliverTo(world, visited, messageOf(group))
    await written(world)
  }
  expect(members.map((member) => isThere(world, member))).toEqual([true, true, true, false, false])
})

test("a visit before the month's sweep counts as much as one after it", async () => {
  await using world = await World.open()
  const [before, after] = [await registered(world), await registered(world)]
  world.now = day(NOVEMBER + 1, 1)
  await visit(world, before)
  await world.qs.sweep()
  await visit(world, after)
  for (let away = 1; away <= CLIENT_RETENTION_MONTHS; away++) await sweepThrough(world, NOVEMBER + 1 + away)
  expect([isThere(world, before), isThere(world, after)]).toEqual([true, true])
  await sweepThrough(world, NOVEMBER + 2 + CLIENT_RETENTION_MONTHS)
  expect([isThere(world, before), isThere(world, after)]).toEqual([false, false])
})

test("a client whose stream stays open for months is there", async () => {
  await using world = await World.open()
  const member = await registered(world)
  const stream = world.qs.openStream(member.signed({}), { send: () => true, close: () => undefined })
  for (let month = 1; month < 12; month++) await sweepThrough(world, NOVEMBER + month)
  expect(isThere(world, member)).toBe(true)
  stream.onClosed()
  for (let month = 12; month < 16; month++) await sweepThrough(world, NOVEMBER + month)
  expect(isThere(world, member)).toBe(false)
})

test("restarts and crashes make no month count twice", async () => {
  await using world = await World.open()
  const members = await Promise.all(Array.from({ length: 200 }, () => registered(world)))
  for (let away = 1; away <= CLIENT_RETENTION_MONTHS; away++) {
    world.now = day(NOVEMBER + away, 3)
    for (const units of [1, 0, 2]) {
      world.restart({}, (store) => failingAfter(store, units))
      await expect(world.qs.sweep()).rejects.toThrow(StoreClosed)
    }
    world.restart()
    await world.qs.sweep()
  }
  expect(members.filter((member) => isThere(world, member))).toHaveLength(200)
  await sweepThrough(world, NOVEMBER + 1 + CLIENT_RETENTION_MONTHS)
  expect(world.store.count(clients)).toBe(0)
})

/** A store that takes only so many more changes. */
function failingAfter(store: QsStore, units: number): QsStore {
  let left = units
  return {
    get: (table, key) => store.get(table, key),
    list: (table, prefix, limit, after) => store.list(table, prefix, limit, after),
    count: (table) => store.count(table),
    partitions: (prefix) => store.partitions(prefix),
    walk: (table, step) => store.walk(table, step),
    writer: {
      submit: (unit) => (left-- > 0 ? store.writer.submit(unit) : Promise.reject(new StoreClosed())),
      dropTable: (table) => store.writer.dropTable(table),
    },
  }
}

test("a clock that jumps ahead costs everybody one month at most, and nothing when it is set right", async () => {
  await using world = await World.open()
  const member = await registered(world)
  await sweepThrough(world, NOVEMBER + 120)
  expect(isThere(world, member)).toBe(true)
  for (let away = 1; away < CLIENT_RETENTION_MONTHS; away++) {
    await sweepThrough(world, NOVEMBER + away - 1)
    expect(isThere(world, member)).toBe(true)
  }
  await visit(world, member)
  for (let away = 0; away < CLIENT_RETENTION_MONTHS; away++) {
    await sweepThrough(world, NOVEMBER + 3 + away)
    expect(isThere(world, member)).toBe(true)
  }
})

test("the operator's retention time holds for those who were there before it was changed, too", async () => {
  await using world = await World.open()
  world.retentionMonths = 12
  world.restart()
  const member = await registered(world)
  for (let month = 1; month <= 6; month++) await sweepThrough(world, NOVEMBER + month)
  expect(isThere(world, member)).toBe(true)
  world.retentionMonths = 1
  world.restart()
  await sweepThrough(world, NOVEMBER + 7)
  expect(isThere(world, member)).toBe(true)
  await sweepThrough(world, NOVEMBER + 8)
  expect(isThere(world, member)).toBe(false)
})

test("what is swept away leaves no row and no byte, and a user goes with its last client", async () => {
  await using world = await World.open()
  const [gone, half] = [await registered(world), await registered(world)]
  const others = [await gone.addClient(world), await half.addClient(world)]
  for (const member of [gone, half, ...others]) {
    const published = { addPackages: member.addPackages(world, 2) }
    await world.qs.handlers.publishAddPackages(member.signed(published))
    await deliverTo(world, member, messageOf(group))
  }
  const marks = marksOf(world)
  for (let month = 1; month <= CLIENT_RETENTION_MONTHS + 1; month++) {
    await sweepThrough(world, NOVEMBER + month)
    await visit(world, half)
  }
  const rows = goneSince(world, marks)
  expect(rows.length).toBeGreaterThan(3 * 5)
  for (const mark of rows) expect(await filesHold(world, mark)).toBe(false)
  const counts = [users, clients, friendships, queues].map((table) => world.store.count(table))
  expect(counts).toEqual([1, 1, 1, 1])
  expect(world.store.count(addPackages)).toBe(3)
})
