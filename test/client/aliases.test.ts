import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { load } from "../../src/client/record-store.ts"
import { AliasRecord, Contact } from "../../src/client/records.ts"
import { memoryStore } from "../../src/client/store.ts"
import { Person } from "./people.ts"
import { ServerUnderTest } from "./server.ts"
import { CrashingStore } from "./trouble.ts"

const server = new ServerUnderTest("--rate-limit", "off")
beforeAll(() => server.start())
afterAll(() => server.end())

function connections(person: Person) {
  return person.events.flatMap((event) =>
    event.type === "connected" ? [{ user: event.user, alias: event.alias }] : [],
  )
}

function requests(person: Person) {
  return person.events.flatMap((event) =>
    event.type === "connection-request" ? [{ from: event.from, alias: event.alias }] : [],
  )
}

/** The first asks for the second by an alias, and both get to know each other. */
async function befriendByAlias(initiator: Person, responder: Person, alias: string): Promise<void> {
  const before = [connections(initiator).length, requests(responder).length] as const
  await initiator.client.connectByAlias(alias)
  await responder.client.pollConnectionRequests()
  await responder.until((person) => requests(person).length > before[1])
  await initiator.until((person) => connections(person).length > before[0])
}

describe("an alias", () => {
  test("is enough to find somebody, who is verified like everybody and no stranger afterwards", async () => {
    const ada = await Person.register(server, "ada")
    const ben = await Person.register(server, "ben")
    await ada.client.registerAlias("Countess.Lovelace")
    await ada.client.registerAlias("AAL-1815")
    expect(await ada.client.aliases()).toEqual(["aal-1815", "countess.lovelace"])

    await befriendByAlias(ben, ada, "COUNTESS.lovelace")
    expect(requests(ada)).toEqual([{ from: ben.user, alias: "countess.lovelace" }])
    expect(connections(ben)).toEqual([{ user: ada.user, alias: "countess.lovelace" }])
    await ada.until((person) => connections(person).length === 1)
    expect(connections(ada)).toEqual([{ user: ben.user, alias: null }])
    expect(await ben.store.list("outgoing/")).toEqual([])

    const group = await ben.client.createGroup()
    await group.add(ada.user)
    await ada.until((person) => person.has("joined"))
    await ben.say("found you")
    await ada.until((person) => person.heard().length === 1)
    expect(ada.heard()).toEqual([`${ben.user}: found you`])

    // The other alias leads to the same person, as the asker now hears; she goes on being the one contact.
    await befriendByAlias(ben, ada, "aal-1815")
    expect(connections(ben).at(-1)).toEqual({ user: ada.user, alias: "aal-1815" })
    expect(await ben.client.contacts()).toEqual([ada.user])
    expect((await load(ben.store, Contact, `contact/${ada.user}`))?.groupId).toHaveLength(16)
    await Promise.all([ada, ben].map((person) => person.stop()))
  }, 60_000)

  test("goes on where it was after a restart of its owner's client and of the server", async () => {
    const ada = await Person.register(server, "ada")
    const ben = await Person.register(server, "ben")
    await ada.client.registerAlias("restarted")
    await ben.client.connectByAlias("restarted")
    await ada.stop()
    await ben.stop()
    await server.kill()
    await server.start()
    await ada.start()
    await ben.start()
    expect(await ada.client.aliases()).toEqual(["restarted"])
    await ada.client.pollConnectionRequests()
    await ben.until((person) => connections(person).length === 1)
    expect(connections(ben)).toEqual([{ user: ada.user, alias: "restarted" }])
    await Promise.all([ada, ben].map((person) => person.stop()))
  }, 60_000)

  test("that somebody has, that is none, and that nobody has are refused, each in its way", async () => {
    const ada = await Person.register(server, "ada")
    const ben = await Person.register(server, "ben")
    await ada.client.registerAlias("taken")
    await ada.client.registerAlias("taken")
    const code = (promise: Promise<void>) =>
      promise.then(
        () => "accepted",
        (error) => error.code,
      )
    expect(await code(ben.client.registerAlias("Taken"))).toBe("as.alias-exists")
    expect(await ben.client.aliases()).toEqual([])
    expect(await ben.store.list("alias/")).toEqual([])
    expect(await ben.store.list("connection-package/")).toHaveLength(16)
    expect(await code(ben.client.registerAlias("not an alias"))).toBe("client.invalid-alias")
    expect(await code(ben.client.connectByAlias("a@b"))).toBe("client.invalid-alias")
    expect(await code(ben.client.connectByAlias("nobody.has.this"))).toBe("as.no-connection-package")
    expect(await code(ada.client.connectByAlias("taken"))).toBe("client.invalid")
    expect(await code(ben.client.deleteAlias("taken"))).toBe("client.unknown-alias")
    await Promise.all([ada, ben].map((person) => person.stop()))
  }, 60_000)

  test("that was deleted leaves nothing with its owner, and can be somebody else's", async () => {
    const ada = await Person.register(server, "ada")
    const ben = await Person.register(server, "ben")
    const before = await ada.store.list("")
    await ada.client.registerAlias("passed.on")
    await ada.client.pollConnectionRequests()
    await ada.client.deleteAlias("passed.on")
    expect(await ada.client.aliases()).toEqual([])
    expect((await ada.store.list("")).filter((key) => !key.startsWith("queue/as"))).toEqual(before)
    await ben.client.registerAlias("passed.on")
    await befriendByAlias(ada, ben, "passed.on")
    expect(connections(ada)).toEqual([{ user: ben.user, alias: "passed.on" }])
    await Promise.all([ada, ben].map((person) => person.stop()))
  }, 60_000)
})

describe("a client that crashes at any write", () => {
  for (const afterwards of [false, true]) {
    test(`${afterwards ? "after" : "before"} it is done, goes on with its aliases where it was`, async () => {
      const friend = await Person.register(server, "friend")
      let crashes = 0
      for (let write = 1; ; write++) {
        const alias = `crash.${afterwards}.${write}`
        const store = new CrashingStore(memoryStore())
        const person = await Person.register(server, "unlucky", { store })
        store.crashIn(write, afterwards)
        const registered = await person.client.registerAlias(alias).then(
          () => true,
          () => false,
        )
        if (registered) {
          store.revive()
          await person.stop()
          break
        }
        crashes += 1
        await person.stop()
        store.revive()
        await person.start()
        await person.client.registerAlias(alias)
        expect(await person.client.aliases()).toEqual([alias])
        store.crashIn(write, afterwards)
        const deleted = await person.client.deleteAlias(alias).then(
          () => true,
          () => false,
        )
        await person.stop()
        store.revive()
        await person.start()
        if (!deleted) {
          await person.client
            .deleteAlias(alias)
            .catch((error) => expect(error.code).toBe("client.unknown-alias"))
        }
        expect(await person.store.list("alias/")).toEqual([])
        await friend.client.registerAlias(alias)
        await person.stop()
      }
      expect(crashes).toBe(2)
      await friend.stop()
    }, 60_000)
  }

  test("asks for an alias once", async () => {
    const owner = await Person.register(server, "owner")
    await owner.client.registerAlias("sought")
    for (let write = 1; write <= 2; write++) {
      const store = new CrashingStore(memoryStore())
      const person = await Person.register(server, "seeker", { store })
      store.crashIn(write, true)
      await person.client.connectByAlias("sought").catch(() => undefined)
      await person.stop()
      store.revive()
      await person.start()
      await person.client.connectByAlias("sought")
      await owner.client.pollConnectionRequests()
      await person.until((p) => connections(p).length === 1)
      expect(requests(owner).filter(({ from }) => from === person.user)).toHaveLength(1)
      await person.stop()
    }
    await owner.stop()
  }, 60_000)
})

test("an alias's keys are fresh, and nothing of the account", async () => {
  const ada = await Person.register(server, "ada")
  await ada.client.registerAlias("first.of.two")
  await ada.client.registerAlias("second.of.two")
  const records = await Promise.all(
    ["first.of.two", "second.of.two"].map((alias) => load(ada.store, AliasRecord, `alias/${alias}`)),
  )
  const account = Buffer.from((await ada.store.get("account"))!)
  const keys = records.flatMap((record) => [record!.authSeed, record!.queueKey])
  expect(new Set(keys.map((key) => Buffer.from(key).toString("hex"))).size).toBe(4)
  for (const key of keys) expect(account.includes(key)).toBe(false)
  await ada.stop()
})
