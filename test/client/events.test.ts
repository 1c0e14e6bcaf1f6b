import { expect, test } from "bun:test"
import type { StoredEvent } from "../../src/client/event-records.ts"
import { EventLog } from "../../src/client/events.ts"
import { type ClientStore, memoryStore } from "../../src/client/store.ts"

const happened = (group: string): StoredEvent => ({ type: "failed", group })

async function record(log: EventLog, store: ClientStore, ...groups: string[]): Promise<void> {
  const { changes, written } = log.record(groups.map(happened))
  await store.transaction(changes)
  written()
}

/** Collects events until there are `count`. */
function collect(log: EventLog, count: number, failAt?: string): Promise<[string, number][]> {
  const got: [string, number][] = []
  let failing = failAt
  return new Promise((resolve) => {
    log.deliverTo((event, number) => {
      if (event.type !== "failed") throw new Error("other event")
      got.push([event.group, number])
      if (got.length === count) resolve(got)
      if (event.group === failing) {
        failing = undefined
        throw new Error("not now")
      }
    })
  })
}

test("events come in order, those recorded before anybody listened first", async () => {
  const store = memoryStore()
  const log = await EventLog.open(store, new AbortController().signal)
  await record(log, store, "a", "b")
  const collected = collect(log, 3)
  await record(log, store, "c")
  expect(await collected).toEqual([
    ["a", 0],
    ["b", 1],
    ["c", 2],
  ])
})

test("an event whose handler fails comes again before the next one", async () => {
  const store = memoryStore()
  const log = await EventLog.open(store, new AbortController().signal)
  await record(log, store, "a", "b")
  expect(await collect(log, 3, "a")).toEqual([
    ["a", 0],
    ["a", 0],
    ["b", 1],
  ])
})

test("what was not handed over is there after a restart under the same number, and numbers are never used twice", async () => {
  const store = memoryStore()
  const stop = new AbortController()
  const first = await EventLog.open(store, stop.signal)
  await record(first, store, "a", "b")
  stop.abort()
  const second = await EventLog.open(store, new AbortController().signal)
  await record(second, store, "c")
  expect(await collect(second, 3)).toEqual([
    ["a", 0],
    ["b", 1],
    ["c", 2],
  ])
  const third = await EventLog.open(store, new AbortController().signal)
  await record(third, store, "d")
  const [last] = (await collect(third, 1)).slice(-1)
  expect(last?.[1]).toBeGreaterThanOrEqual(2)
})
