import { afterAll, beforeAll, expect, test } from "bun:test"
import { CONTENT_BYTES_MAX } from "../../src/client/content.ts"
import { memoryStore } from "../../src/client/store.ts"
import { portableCrypto } from "../../src/crypto/portable.ts"
import { befriend, Person } from "./people.ts"
import { ServerUnderTest } from "./server.ts"

const server = new ServerUnderTest()
beforeAll(() => server.start())
afterAll(() => server.end())

test("whoever is removed keeps nothing of the group, and can be added again", async () => {
  const store = memoryStore()
  const host = await Person.register(server, "host")
  const guest = await Person.register(server, "guest", { store })
  await befriend(host, guest)
  const group = await host.client.createGroup()
  await group.add(guest.user)
  await guest.until((person) => person.has("joined"))
  await host.say("before")
  expect(await store.list(`group/${group.id}`)).toHaveLength(1)

  await group.remove(guest.user)
  await guest.until((person) => person.has("left"))
  expect(await store.list(`group/${group.id}`)).toEqual([])
  expect(() => guest.client.group(group.id)).toThrow()
  await host.say("between")

  await group.add(guest.user)
  await guest.until((person) => person.has("joined", 2))
  await host.say("after")
  await guest.until((person) => person.heard().length === 2)
  expect(guest.heard()).toEqual([`${host.user}: before`, `${host.user}: after`])
  await Promise.all([host, guest].map((person) => person.stop()))
}, 60_000)

test("whoever leaves goes with the next change of anybody, the last admin too", async () => {
  const people = await Promise.all(["a", "b", "c"].map((name) => Person.register(server, name)))
  const [a, b, c] = people as [Person, Person, Person]
  await befriend(a, b)
  await befriend(a, c)
  const group = await a.client.createGroup()
  await group.add(b.user)
  await b.until((person) => person.has("joined"))
  await b.client.group(group.id).leave()
  await group.add(c.user)
  await b.until((person) => person.has("left"))
  await c.until((person) => person.has("joined"))
  expect(group.members().map(({ user }) => user)).toEqual([a.user, c.user])

  await group.leave()
  await c.client.group(group.id).update()
  await a.until((person) => person.has("left"))
  await befriend(c, b)
  await c.client.group(group.id).add(b.user)
  await b.until((person) => person.has("joined", 2))
  await Promise.all(people.map((person) => person.stop()))
}, 60_000)

test("whoever lost the group's state comes back in its place and is heard again", async () => {
  const [host, guest] = await Promise.all([Person.register(server, "host"), Person.register(server, "guest")])
  await befriend(host, guest)
  const group = await host.client.createGroup()
  await group.add(guest.user)
  await guest.until((person) => person.has("joined"))
  await guest.say("before")
  await guest.client.group(group.id).resync()
  await guest.say("after")
  await host.until((person) => person.heard().length === 2)
  await host.say("welcome back")
  await guest.until((person) => person.heard().length === 1)
  expect(host.heard()).toEqual([`${guest.user}: before`, `${guest.user}: after`])
  await group.delete()
  await guest.until((person) => person.has("left"))
  await Promise.all([host, guest].map((person) => person.stop()))
}, 60_000)

test("what the group knows, every member's client agrees on, after a restart as well", async () => {
  const people = await Promise.all(["a", "b", "c"].map((name) => Person.register(server, name)))
  const [a, b, c] = people as [Person, Person, Person]
  await befriend(a, b)
  await befriend(b, c)
  const group = await a.client.createGroup()
  await group.add(b.user)
  await b.until((person) => person.has("joined"))
  await expect(b.client.group(group.id).add(c.user)).rejects.toMatchObject({ code: "ds.not-allowed" })
  await group.changeRoles([a.user, b.user])
  // A member who did not create the group adds a contact whom the creator does not know.
  await b.client.group(group.id).add(c.user)
  await c.until((person) => person.has("joined"))
  await a.until((person) => person.has("added", 2))
  await expect(group.add("00000000-0000-0000-0000-000000000000@example.org")).rejects.toMatchObject({
    code: "client.unknown-contact",
  })
  await expect(group.add(b.user)).rejects.toMatchObject({ code: "ds.not-allowed" })
  for (const person of people) {
    await person.restart()
    const seen = person.client.group(group.id)
    expect(seen.members().map(({ user }) => user)).toEqual([a.user, b.user, c.user])
    expect(seen.epoch).toBe(3n)
  }
  await b.client.group(group.id).changeRoles([b.user, c.user])
  await c.client.group(group.id).remove(a.user)
  await a.until((person) => person.has("left"))
  await Promise.all(people.map((person) => person.stop()))
}, 60_000)

test("a client with the portable primitives, as in a browser, is like any other", async () => {
  const native = await Person.register(server, "native")
  const portable = await Person.register(server, "portable", { crypto: portableCrypto })
  await befriend(portable, native)
  const group = await portable.client.createGroup()
  await group.add(native.user)
  await native.until((person) => person.has("joined"))
  await native.say("hello")
  await portable.until((person) => person.heard().length === 1)
  await portable.say("and hello")
  await native.until((person) => person.heard().length === 1)
  await Promise.all([native, portable].map((person) => person.stop()))
}, 60_000)

test("the longest message arrives, a longer one is refused and blocks nothing", async () => {
  const host = await Person.register(server, "host")
  const guest = await Person.register(server, "guest")
  await befriend(host, guest)
  const group = await host.client.createGroup()
  await group.add(guest.user)
  await expect(group.send(new Uint8Array(CONTENT_BYTES_MAX + 1))).rejects.toMatchObject({
    code: "request.too-large",
  })
  await group.send(new Uint8Array(CONTENT_BYTES_MAX).fill(65))
  await group.send(new Uint8Array(0))
  await guest.until((person) => person.has("message", 2))
  const sizes = guest.events.flatMap((event) => (event.type === "message" ? [event.bytes.length] : []))
  expect(sizes).toEqual([CONTENT_BYTES_MAX, 0])
  await Promise.all([host, guest].map((person) => person.stop()))
}, 60_000)

test("asking oneself, a nobody or nonsense to connect is refused", async () => {
  const person = await Person.register(server, "alone")
  const { client } = person
  await expect(client.connect(person.user)).rejects.toMatchObject({ code: "client.invalid" })
  await expect(client.connect("nonsense")).rejects.toMatchObject({ code: "client.invalid" })
  await expect(client.connect("00000000-0000-0000-0000-000000000000@example.org")).rejects.toMatchObject({
    code: "as.no-connection-package",
  })
  await person.stop()
}, 60_000)
