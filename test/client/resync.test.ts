import { afterAll, beforeAll, expect, test } from "bun:test"
import { memoryStore } from "../../src/client/store.ts"
import { ds } from "../../src/wire/ds.ts"
import { Ears } from "./ears.ts"
import { befriend, Person, type PersonOptions } from "./people.ts"
import { ServerUnderTest } from "./server.ts"
import { CrashingStore } from "./trouble.ts"

const server = new ServerUnderTest("--rate-limit", "off")
beforeAll(() => server.start())
afterAll(() => server.end())

/** A group of two whose leaves are not side by side: whoever joins again comes to the free one between them. */
async function pair(options: PersonOptions): Promise<readonly [host: Person, guest: Person]> {
  const [host, other] = await Promise.all(["host", "other"].map((name) => Person.register(server, name)))
  const guest = await Person.register(server, "guest", options)
  const group = await (host as Person).client.createGroup()
  for (const person of [other, guest] as Person[]) {
    await befriend(host as Person, person)
    await group.add(person.user)
    await person.until((p) => p.has("joined"))
  }
  await group.remove((other as Person).user)
  await guest.until((person) => person.has("removed"))
  await (other as Person).stop()
  return [host as Person, guest]
}

/** Whether these two hear each other. */
async function talk(host: Person, guest: Person): Promise<void> {
  await host.say("back?")
  await guest.until((person) => person.heard().includes(`${host.user}: back?`))
  await guest.say("back")
  await host.until((person) => person.heard().includes(`${guest.user}: back`))
}

const leafOf = (person: Person) =>
  person.client
    .groups()[0]
    ?.members()
    .find(({ user }) => user === person.user)?.leaf

test("whoever crashes at any write while joining again joins again, wherever in the group that was", async () => {
  for (const afterwards of [false, true]) {
    let crashed = true
    for (let write = 1; crashed; write++) {
      const store = new CrashingStore(memoryStore())
      const [host, guest] = await pair({ store })
      expect(leafOf(guest)).toBe(2)
      store.crashIn(write, afterwards)
      await store.untilDeath(async () => await guest.client.groups()[0]?.resync()).catch(() => undefined)
      crashed = store.dead
      await guest.stop().catch(() => undefined)
      store.revive()
      await guest.start()
      await guest.client.groups()[0]?.resync()
      expect(leafOf(guest)).toBe(1)
      await talk(host, guest)
      await Promise.all([host.stop(), guest.stop()])
    }
  }
}, 60_000)

test("whoever never learns that their update was accepted joins again under the key that it brought", async () => {
  const ears = new Ears()
  let reachable = true
  let updated = false
  const [host, guest] = await pair({
    webSocket: ears.webSocket,
    patienceMilliseconds: 1000,
    fetch: async (url, request) => {
      const response = await fetch(url, request)
      if (reachable || url.pathname !== ds.updateClient.path) return response
      updated = true
      throw new TypeError("answer lost")
    },
  })
  ears.close()
  reachable = false
  const updating = guest.client.groups()[0]?.update()
  while (!updated) await Bun.sleep(5)
  await guest.stop()
  await updating?.catch(() => undefined)
  await host.client.groups()[0]?.update()
  reachable = true
  await guest.start()
  await guest.client.groups()[0]?.resync()
  ears.open()
  await talk(host, guest)
  await Promise.all([host.stop(), guest.stop()])
}, 60_000)
