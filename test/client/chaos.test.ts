import { afterAll, beforeAll, expect, test } from "bun:test"
import { memoryStore } from "../../src/client/store.ts"
import { befriend, Person } from "./people.ts"
import { ServerUnderTest } from "./server.ts"
import { breakingWebSocket, CrashingStore, lossyFetch, randomFrom } from "./trouble.ts"

const server = new ServerUnderTest()
beforeAll(() => server.start())
afterAll(() => server.end())

async function party(names: readonly string[], make: (name: string) => Promise<Person>): Promise<Person[]> {
  const people = await Promise.all(names.map(make))
  const [host, ...guests] = people
  if (host === undefined) throw new Error("nobody")
  for (const guest of guests) await befriend(host, guest)
  const group = await host.client.createGroup()
  for (const guest of guests) await group.add(guest.user)
  await Promise.all(guests.map((guest) => guest.until((person) => person.has("joined"))))
  return people
}

/** What everybody else has to have heard: each message of `said` once, in the sender's order. */
async function expectHeard(
  people: readonly Person[],
  said: ReadonlyMap<Person, readonly string[]>,
): Promise<void> {
  for (const person of people) {
    for (const [sender, texts] of said) {
      if (sender === person) continue
      const lines = texts.map((text) => `${sender.user}: ${text}`)
      const last = lines.at(-1)
      if (last !== undefined) await person.until((p) => p.heard().includes(last))
      const heard = person.heard().filter((line) => line.startsWith(sender.user))
      expect(heard).toEqual(lines)
    }
  }
}

test("members who race each other's commits all end in one epoch, and nothing they say is lost or doubled", async () => {
  const people = await party(["a", "b", "c"], (name) => Person.register(server, name))
  const said = new Map(people.map((person) => [person, Array.from({ length: 8 }, (_, i) => `message ${i}`)]))
  await Promise.all(
    people.map(async (person) => {
      for (const text of said.get(person) ?? []) {
        const [group] = person.client.groups()
        await Promise.all([person.say(text), group?.update()])
      }
    }),
  )
  await expectHeard(people, said)
  await Promise.all(people.map((person) => person.say("end")))
  const ends = new Map([...said].map(([person, texts]) => [person, [...texts, "end"]]))
  await expectHeard(people, ends)
  expect(new Set(people.map((person) => person.client.groups()[0]?.epoch)).size).toBe(1)
  await Promise.all(people.map((person) => person.stop()))
}, 60_000)

test("a network that loses requests and answers changes nothing of that", async () => {
  const random = randomFrom(4)
  const people = await party(["a", "b", "c"], (name) =>
    Person.register(server, name, { fetch: lossyFetch(random, 0.15) }),
  )
  const said = new Map(people.map((person) => [person, Array.from({ length: 8 }, (_, i) => `message ${i}`)]))
  await Promise.all(
    people.map(async (person, index) => {
      for (const [number, text] of (said.get(person) ?? []).entries()) {
        await person.say(text)
        if (number % 3 === index) await person.client.groups()[0]?.update()
      }
    }),
  )
  await expectHeard(people, said)
  await Promise.all(people.map((person) => person.stop()))
}, 90_000)

test("streams that break after any frame lose, double and reorder nothing", async () => {
  const random = randomFrom(7)
  const people = await party(["a", "b", "c"], (name) =>
    Person.register(server, name, { webSocket: breakingWebSocket(random, 6) }),
  )
  const said = new Map(
    people.map((person) => [person, Array.from({ length: 12 }, (_, i) => `${i} ${"long ".repeat(i * 60)}`)]),
  )
  await Promise.all(
    people.map(async (person) => {
      for (const text of said.get(person) ?? []) await person.say(text)
    }),
  )
  await expectHeard(people, said)
  await Promise.all(people.map((person) => person.stop()))
}, 120_000)

/** Twenty times: says something, changes the group now and then, dies at some write meanwhile, and comes back. */
async function crashAndSpeak(
  person: Person,
  store: CrashingStore,
  random: () => number,
  updateEvery: number,
): Promise<string[]> {
  const acknowledged: string[] = []
  for (let number = 0; number < 20; number++) {
    store.crashIn(1 + Math.floor(random() * 12), random() < 0.5)
    try {
      await store.untilDeath(async () => {
        await person.say(`message ${number}`)
        acknowledged.push(`message ${number}`)
        if (number % 5 === updateEvery) await person.client.groups()[0]?.update()
      })
    } catch {
      // Only a crash explains it: the operation is unfinished, or was never begun.
      expect(store.dead).toBe(true)
    }
    await person.stop()
    store.revive()
    await person.start()
  }
  return acknowledged
}

async function crashingParty(seed: number, loss: number, meanwhile: () => Promise<void>): Promise<void> {
  const random = randomFrom(seed)
  const stores: CrashingStore[] = []
  const people = await party(["a", "b", "c"], async (name) => {
    const store = new CrashingStore(memoryStore())
    stores.push(store)
    return await Person.register(server, name, { store, fetch: lossyFetch(random, loss) })
  })
  const speaking = people.map((person, index) => {
    const store = stores.find((candidate) => candidate === person.store)
    if (store === undefined) throw new Error("no store")
    return crashAndSpeak(person, store, random, index)
  })
  const [acknowledged] = await Promise.all([Promise.all(speaking), meanwhile()])
  for (const person of people) await person.say("end")
  for (const person of people) {
    for (const [index, sender] of people.entries()) {
      if (sender === person) continue
      await person.until((p) => p.heard().includes(`${sender.user}: end`))
      const heard = person.heard().filter((line) => line.startsWith(sender.user))
      const numbers = heard.slice(0, -1).map((line) => Number(line.split(" ").at(-1)))
      expect(numbers).toEqual([...new Set(numbers)].sort((x, y) => x - y))
      for (const text of acknowledged[index] ?? []) expect(heard).toContain(`${sender.user}: ${text}`)
    }
  }
  await Promise.all(people.map((person) => person.stop()))
}

test(
  "clients that crash at any write go on where they were: each message at most once, in order, and none that was acknowledged is lost",
  () => crashingParty(5, 0, async () => undefined),
  120_000,
)

test(
  "so they do when the network loses requests and the server is killed as well",
  () =>
    crashingParty(6, 0.05, async () => {
      for (let kill = 0; kill < 3; kill++) {
        await Bun.sleep(700)
        await server.kill()
        await server.start()
      }
    }),
  180_000,
)
