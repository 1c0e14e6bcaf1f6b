import { afterAll, beforeAll, expect, test } from "bun:test"
import { memoryStore } from "../../src/client/store.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { befriend, Person } from "./people.ts"
import { ServerUnderTest } from "./server.ts"
import { CrashingStore } from "./trouble.ts"

const server = new ServerUnderTest()
beforeAll(() => server.start())
afterAll(() => server.end())

test("contacts see each other's profile as it is set, and nobody else's", async () => {
  const ada = await Person.register(server, "ada")
  const ben = await Person.register(server, "ben")
  const cleo = await Person.register(server, "cleo")
  expect(await ada.client.profile(ada.user)).toBeUndefined()
  const first = { displayName: "Ada Lovelace", avatar: nativeCrypto.random(7680) }
  await ada.client.updateProfile(first)
  await befriend(ada, ben)
  expect(await ben.client.profile(ada.user)).toEqual(first)
  expect(await ada.client.profile(ada.user)).toEqual(first)
  expect(await ada.client.profile(ben.user)).toBeUndefined()
  await ada.client.updateProfile({ displayName: "Countess" })
  await ben.restart()
  expect(await ben.client.profile(ada.user)).toEqual({ displayName: "Countess", avatar: new Uint8Array(0) })
  await expect(cleo.client.profile(ada.user)).rejects.toMatchObject({ code: "client.unknown-contact" })
  for (const tooLong of [
    { displayName: "a".repeat(257) },
    { displayName: "", avatar: new Uint8Array(7681) },
  ]) {
    await expect(ada.client.updateProfile(tooLong)).rejects.toMatchObject({ code: "request.too-large" })
  }
  await Promise.all([ada, ben, cleo].map((person) => person.stop()))
}, 60_000)

test("a profile that a crash held up is sent afterwards", async () => {
  for (const afterwards of [false, true]) {
    for (const write of [1, 2]) {
      const store = new CrashingStore(memoryStore())
      const ada = await Person.register(server, "ada", { store })
      const ben = await Person.register(server, "ben")
      await befriend(ada, ben)
      await ada.client.updateProfile({ displayName: "before" })
      store.crashIn(write, afterwards)
      await expect(ada.client.updateProfile({ displayName: "after" })).rejects.toThrow()
      await ada.stop()
      store.revive()
      await ada.start()
      const stored = write > 1 || afterwards ? "after" : "before"
      expect((await ada.client.profile(ada.user))?.displayName).toBe(stored)
      while ((await ben.client.profile(ada.user))?.displayName !== stored) await Bun.sleep(5)
      await Promise.all([ada, ben].map((person) => person.stop()))
    }
  }
}, 60_000)
