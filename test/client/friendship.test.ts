import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { ClientError } from "../../src/client/errors.ts"
import { FriendshipRotation } from "../../src/client/friendship-rotation.ts"
import { at, load } from "../../src/client/record-store.ts"
import { Contact } from "../../src/client/records.ts"
import { memoryStore } from "../../src/client/store.ts"
import type { Fetch } from "../../src/client/transport.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { as } from "../../src/wire/as.ts"
import { toHex } from "../../src/wire/bytes.ts"
import { decodeBody, encodeBody } from "../../src/wire/cbor.ts"
import { ds } from "../../src/wire/ds.ts"
import { openProfile } from "../../src/wire/profile.ts"
import { qs } from "../../src/wire/qs.ts"
import { parseUserId } from "../../src/wire/user-id.ts"
import { ClockedServer, eventually, register as registerClocked } from "./clocked-server.ts"
import { befriend, Person } from "./people.ts"
import { ServerUnderTest } from "./server.ts"
import { accountIn } from "./stored.ts"
import { CrashingStore } from "./trouble.ts"

const server = new ServerUnderTest("--rate-limit", "off")
beforeAll(() => server.start())
afterAll(() => server.end())

function register(...names: string[]): Promise<Person[]> {
  return Promise.all(names.map((name) => Person.register(server, name)))
}

/** What one has of the other. */
async function contactOf(person: Person, other: Person): Promise<Contact> {
  const contact = await load(person.store, Contact, at.contact(other.user))
  if (contact === undefined) throw new Error("no contact")
  return contact
}

async function keysOf(person: Person): Promise<string[]> {
  const { friendshipToken, friendshipKey, profileKey } = await accountIn(person.store)
  return [friendshipToken, friendshipKey, profileKey].map(toHex)
}

async function knows(person: Person, other: Person): Promise<boolean> {
  const { friendshipToken, friendshipKey, profileKey } = await contactOf(person, other)
  return [friendshipToken, friendshipKey, profileKey].map(toHex).join() === (await keysOf(other)).join()
}

async function isRotating({ store }: Person): Promise<boolean> {
  return (await store.list("friendship/")).some((key) => key !== at.earlierFriendships)
}

/** Asks the server without a client. */
async function ask(path: string, params: unknown): Promise<Record<string, Uint8Array> | undefined> {
  const response = await fetch(server.url + path, {
    method: "POST",
    headers: { "content-type": "application/cbor" },
    body: encodeBody(params as never) as Uint8Array<ArrayBuffer>,
  })
  const body = new Uint8Array(await response.arrayBuffer())
  return response.ok ? (decodeBody(body) as Record<string, Uint8Array>) : undefined
}

/** Whether the profile that the AS has opens under a key. */
async function profileOpens({ user }: Person, key: Uint8Array): Promise<boolean> {
  const owner = parseUserId(user)
  const answer = await ask(as.fetchUserProfile.path, { user: owner.user })
  try {
    openProfile(crypto, key, owner, answer?.["profile"] as Uint8Array)
    return true
  } catch {
    return false
  }
}

/** Holds requests to an operation back until it is opened. */
class Gate {
  readonly #path: string
  #open: () => void = () => undefined
  #isOpen = new Promise<void>((resolve) => {
    this.#open = resolve
  })
  held = false

  constructor({ path }: { readonly path: string }) {
    this.#path = path
  }

  readonly fetch: Fetch = async (url, request) => {
    if (url.pathname === this.#path) {
      this.held = true
      await this.#isOpen
    }
    return await fetch(url, request)
  }

  open(): void {
    this.#open()
  }
}

describe("a friendship that is rotated", () => {
  test("leaves nothing that the keys before were good for, and contacts go on with the new ones without noticing", async () => {
    const people = await register("a", "b", "c")
    const [a, b, c] = people as [Person, Person, Person]
    await a.client.updateProfile({ displayName: "A" })
    await befriend(a, b)
    await befriend(c, a)
    const [before, keys] = [await contactOf(b, a), await keysOf(a)]
    await a.client.rotateFriendship()
    await eventually(async () => !(await isRotating(a)))
    for (const person of [b, c]) await eventually(() => knows(person, a))
    for (const [index, key] of (await keysOf(a)).entries()) expect(key).not.toBe(keys[index] as string)

    expect(await ask(qs.claimAddPackages.path, { friendshipToken: before.friendshipToken })).toBeUndefined()
    expect(await profileOpens(a, before.profileKey)).toBe(false)
    for (const person of [b, c]) {
      expect((await person.client.profile(a.user))?.displayName).toBe("A")
      expect(person.events.filter(({ type }) => type === "connected")).toHaveLength(1)
      const group = await person.client.createGroup()
      await group.add(a.user)
    }
    await a.until((person) => person.has("joined", 2))
    expect((await contactOf(b, a)).groupId).toEqual(before.groupId)
    await Promise.all(people.map((person) => person.stop()))
  }, 60_000)

  test("is known to contacts in the end although the client crashes at any write of it", async () => {
    for (const afterwards of [false, true]) {
      for (let write = 1; ; write++) {
        const store = new CrashingStore(memoryStore())
        const a = await Person.register(server, "a", { store })
        const [b] = (await register("b")) as [Person]
        await a.client.updateProfile({ displayName: "A" })
        await befriend(a, b)
        await a.client.caughtUp()
        const before = await contactOf(b, a)
        store.crashIn(write, afterwards)
        await a.client.rotateFriendship().catch(() => undefined)
        await eventually(async () => store.dead || !(await isRotating(a).catch(() => true)))
        const { dead } = store
        await a.stop()
        store.revive()
        if (write === 1 && !afterwards) await store.transaction([FriendshipRotation.wanted])
        await a.start()
        await eventually(async () => !(await isRotating(a)))
        await eventually(() => knows(b, a))
        expect((await contactOf(b, a)).friendshipToken).not.toEqual(before.friendshipToken)
        expect(await profileOpens(a, (await contactOf(b, a)).profileKey)).toBe(true)
        await (await b.client.createGroup()).add(a.user)
        await a.until((person) => person.has("joined"))
        await Promise.all([a, b].map((person) => person.stop()))
        if (!dead) {
          expect(write).toBeGreaterThan(6)
          break
        }
      }
    }
  }, 60_000)

  test("does not shut out a contact who claimed AddPackages before", async () => {
    const gate = new Gate(ds.addUsers)
    const [a] = (await register("a")) as [Person]
    const b = await Person.register(server, "b", { fetch: gate.fetch })
    await befriend(a, b)
    const group = await b.client.createGroup()
    const adding = group.add(a.user)
    await eventually(() => gate.held)
    await a.client.rotateFriendship()
    await eventually(async () => !(await isRotating(a)))
    gate.open()
    await adding
    await a.until((person) => person.has("joined"))
    await Promise.all([a, b].map((person) => person.stop()))
  }, 60_000)

  test("is rotated by the client itself every few months", async () => {
    await using clocked = await ClockedServer.start("off")
    const [a, b] = [await registerClocked(clocked, "a"), await registerClocked(clocked, "b")]
    await befriend(a, b)
    const before = await contactOf(b, a)
    clocked.passDays(40)
    await Bun.sleep(300)
    expect((await contactOf(b, a)).friendshipToken).toEqual(before.friendshipToken)
    clocked.passDays(96)
    await eventually(
      async () => (await contactOf(b, a)).friendshipToken.join() !== before.friendshipToken.join(),
    )
    await eventually(() => knows(b, a))
    await Promise.all([a, b].map((person) => person.stop()))
  }, 60_000)
})

describe("somebody who is blocked", () => {
  test("can do nothing any more with what a contact had, whoever had asked whom, and nobody else notices", async () => {
    for (const asked of [true, false]) {
      const gate = new Gate(ds.addUsers)
      const [a, c] = (await register("a", "c")) as [Person, Person]
      const b = await Person.register(server, "b", { fetch: gate.fetch })
      await a.client.updateProfile({ displayName: "A" })
      await (asked ? befriend(a, b) : befriend(b, a))
      await befriend(c, a)
      const before = await contactOf(b, a)
      const adding = (await b.client.createGroup()).add(a.user)
      await eventually(() => gate.held)
      const events = [a, b].map((person) => person.events.length)

      await a.client.block(b.user)
      expect([a.client.blocked(), await a.client.contacts()]).toEqual([[b.user], [c.user]])
      await eventually(async () => !(await isRotating(a)))
      await eventually(() => knows(c, a))
      await eventually(async () => (await a.store.list("group/")).length === 1)
      gate.open()
      await adding
      await eventually(async () => (await b.store.list("group/")).length === 1)
      await b.client.connect(a.user)
      await a.client.pollConnectionRequests()
      await (await c.client.createGroup()).add(a.user)
      await a.until(({ events }) => events.some((event) => event.type === "joined" && event.by === c.user))
      expect(a.events.slice(events[0]).map(({ type }) => type)).toEqual(["joined"])
      expect(await a.store.list("incoming/")).toEqual([])
      expect(b.events.slice(events[1]).filter(({ type }) => type !== "added")).toEqual([])
      expect(await a.client.contacts()).toEqual([c.user])
      expect(await ask(qs.claimAddPackages.path, { friendshipToken: before.friendshipToken })).toBeUndefined()
      expect(await profileOpens(a, before.profileKey)).toBe(false)
      expect((await b.client.profile(a.user))?.displayName).toBeUndefined()
      for (const work of [a.client.connect(b.user), a.client.profile(b.user)])
        await expect(work).rejects.toThrow(ClientError)
      await Promise.all([a, b, c].map((person) => person.stop()))
    }
  }, 60_000)

  test("is a stranger after that, who can be a contact again once both want it", async () => {
    for (const asked of [true, false]) {
      const [a, b] = (await register("a", "b")) as [Person, Person]
      await befriend(b, a)
      await a.client.block(b.user)
      await a.restart()
      expect(a.client.blocked()).toEqual([b.user])
      await eventually(async () => (await b.store.list("group/")).length === 0)
      await a.client.unblock(b.user)
      expect([a.client.blocked(), await a.client.contacts()]).toEqual([[], []])
      const group = await b.client.createGroup()
      await expect(group.add(a.user)).rejects.toMatchObject({ code: "qs.no-add-package" })
      const [one, other] = asked ? [a, b] : [b, a]
      await one.client.connect(other.user)
      await other.client.pollConnectionRequests()
      for (const person of [a, b]) await person.until((p) => p.has("connected", 2))
      await eventually(() => knows(b, a))
      await group.add(a.user)
      await a.until((person) => person.has("joined"))
      await Promise.all([a, b].map((person) => person.stop()))
    }
  }, 60_000)

  test("is blocked, with all that follows, although the client crashes at any write of it", async () => {
    for (const afterwards of [false, true]) {
      for (let write = 1; ; write++) {
        const store = new CrashingStore(memoryStore())
        const a = await Person.register(server, "a", { store })
        const [b] = (await register("b")) as [Person]
        await (afterwards ? befriend(a, b) : befriend(b, a))
        await a.client.caughtUp()
        const { friendshipToken } = await contactOf(b, a)
        const settled = async () => !(await isRotating(a)) && (await a.store.list("group/")).length === 0
        store.crashIn(write, afterwards)
        await a.client.block(b.user).catch(() => undefined)
        await eventually(async () => store.dead || (await settled().catch(() => false)))
        const { dead } = store
        await a.stop()
        store.revive()
        await a.start()
        if (a.client.blocked().length === 0) {
          expect([write, afterwards]).toEqual([1, false])
          expect(await a.client.contacts()).toEqual([b.user])
          await a.client.block(b.user)
        }
        await eventually(settled)
        expect(await a.client.contacts()).toEqual([])
        expect(await ask(qs.claimAddPackages.path, { friendshipToken })).toBeUndefined()
        await eventually(async () => (await b.store.list("group/")).length === 0)
        await Promise.all([a, b].map((person) => person.stop()))
        if (!dead) {
          expect(write).toBeGreaterThan(6)
          break
        }
      }
    }
  }, 60_000)

  test("has to be somebody else", async () => {
    const [a] = (await register("a")) as [Person]
    for (const user of [a.user, "nobody", ""])
      await expect(a.client.block(user)).rejects.toMatchObject({ code: "client.invalid" })
    expect(a.client.blocked()).toEqual([])
    await a.client.unblock("nobody")
    await a.stop()
  })
})
