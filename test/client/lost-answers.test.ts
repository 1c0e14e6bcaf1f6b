import { afterAll, beforeAll, expect, test } from "bun:test"
import { memoryStore } from "../../src/client/store.ts"
import type { Fetch } from "../../src/client/transport.ts"
import { ds } from "../../src/wire/ds.ts"
import { befriend, Person, type PersonOptions } from "./people.ts"
import { ServerUnderTest } from "./server.ts"
import { CrashingStore } from "./trouble.ts"

const server = new ServerUnderTest()
beforeAll(() => server.start())
afterAll(() => server.end())

/** A network in which something happens between the first deletion of a group and its answer. */
function interrupting(interrupt: () => void): Fetch {
  let happened = false
  return async (url, request) => {
    const response = await fetch(url, request)
    if (happened || url.pathname !== ds.deleteGroup.path) return response
    happened = true
    await response.arrayBuffer()
    interrupt()
    throw new TypeError("answer lost")
  }
}

async function pair(options: PersonOptions): Promise<readonly [a: Person, b: Person]> {
  const a = await Person.register(server, "a", options)
  const b = await Person.register(server, "b")
  await befriend(a, b)
  const group = await a.client.createGroup()
  await group.add(b.user)
  await b.until((person) => person.has("joined"))
  return [a, b]
}

test("whoever deletes a group and does not hear the answer has deleted it", async () => {
  const [a, b] = await pair({ fetch: interrupting(() => undefined) })
  await a.client.groups()[0]?.delete()
  expect(a.client.groups()).toEqual([])
  await b.until((person) => person.has("left"))
  await Promise.all([a.stop(), b.stop()])
})

test("whoever dies before the answer has deleted it too, and knows as soon as it is there again", async () => {
  const store = new CrashingStore(memoryStore())
  const [a, b] = await pair({ store, fetch: interrupting(() => store.crashIn(1, false)) })
  await store.untilDeath(async () => await a.client.groups()[0]?.delete()).catch(() => undefined)
  expect(store.dead).toBe(true)
  await a.stop()
  store.revive()
  await a.start()
  while (a.client.groups().length > 0) await Bun.sleep(5)
  await b.until((person) => person.has("left"))
  await Promise.all([a.stop(), b.stop()])
})
