import { afterAll, beforeAll, expect, test } from "bun:test"
import { memoryStore } from "../../src/client/store.ts"
import { befriend, Person } from "./people.ts"
import { ServerUnderTest } from "./server.ts"
import { CrashingStore, lossyFetch, randomFrom } from "./trouble.ts"

const server = new ServerUnderTest()
beforeAll(() => server.start())
afterAll(() => server.end())

test("a registration that crashes at any write is picked up, and the client can be reached", async () => {
  const friend = await Person.register(server, "friend")
  for (const afterwards of [false, true]) {
    let crashes = 0
    for (let write = 1; ; write++) {
      const store = new CrashingStore(memoryStore())
      store.crashIn(write, afterwards)
      const person = await Person.register(server, "unlucky", { store }).catch(() => undefined)
      if (person !== undefined) {
        await person.stop()
        break
      }
      crashes += 1
      store.revive()
      const again = await Person.register(server, "unlucky", { store })
      if (write % 3 === 0) await befriend(friend, again)
      await again.stop()
    }
    expect(crashes).toBeGreaterThanOrEqual(6)
  }
  await friend.stop()
}, 60_000)

test("a registration goes through on a network that loses requests and answers", async () => {
  const random = randomFrom(1)
  for (let i = 0; i < 2; i++) {
    const person = await Person.register(server, "patient", { fetch: lossyFetch(random, 0.25) })
    expect(person.user).toMatch(/^[0-9a-f-]{36}@example\.org$/)
    await person.stop()
  }
}, 60_000)

test("a client in a store is the same client again, without asking the server", async () => {
  const store = memoryStore()
  const person = await Person.register(server, "same", { store })
  const { user } = person
  await person.stop()
  await server.kill()
  await person.start()
  expect(person.user).toBe(user)
  await server.start()
  await person.client.caughtUp()
  await person.stop()
}, 60_000)
