import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { memoryStore } from "../../src/client/store.ts"
import { ds } from "../../src/wire/ds.ts"
import { befriend, Person } from "./people.ts"
import { ServerUnderTest } from "./server.ts"
import { CrashingStore } from "./trouble.ts"

const server = new ServerUnderTest("--rate-limit", "off")
beforeAll(() => server.start())
afterAll(() => server.end())

/** The first is the admin of a group of all. */
async function party(...people: Person[]): Promise<string> {
  const [host, ...guests] = people
  if (host === undefined) throw new Error("nobody")
  for (const guest of guests) await befriend(host, guest)
  const group = await host.client.createGroup()
  for (const guest of guests) await group.add(guest.user)
  await Promise.all(guests.map((guest) => guest.until((person) => person.has("joined"))))
  return group.id
}

/** What a person was told of changes of groups, in order. */
function changes({ events }: Person): unknown[] {
  return events.flatMap((event): unknown[][] => {
    const { type } = event
    if (type === "added" || type === "removed") return [[type, event.user, event.by]]
    if (type === "joined") return [[type, event.by]]
    if (type === "left") return [[type, event.by, event.ended]]
    return type === "roles" ? [[type, event.admins, event.by]] : []
  })
}

function register(...names: string[]): Promise<Person[]> {
  return Promise.all(names.map((name) => Person.register(server, name)))
}

describe("members of a group", () => {
  test("are told who came, who went by whose doing, and who is an admin; resyncs and updates are nobody's business", async () => {
    const people = await register("a", "b", "c", "d")
    const [a, b, c, d] = people as [Person, Person, Person, Person]
    const id = await party(a, b, c, d)
    const group = a.client.group(id)
    await b.client.group(id).update()
    await c.client.group(id).resync()
    await group.changeRoles([a.user, b.user])
    await b.until((person) => person.has("roles"))
    await b.client.group(id).remove(d.user)
    await c.client.group(id).leave()
    await c.until((person) => person.has("left"))
    await b.until((person) => person.has("removed", 2))
    await group.changeRoles([b.user])
    await b.until((person) => person.has("roles", 2))
    await b.client.group(id).delete()
    await a.until((person) => person.has("left"))
    const removals = [
      ["removed", d.user, b.user],
      ["removed", c.user, c.user],
    ]
    expect(changes(a)).toEqual([
      ...[b, c, d].map(({ user }) => ["added", user, a.user]),
      ["roles", [a.user, b.user].sort(), a.user],
      ...removals,
      ["roles", [b.user], a.user],
      ["left", b.user, true],
    ])
    expect(changes(b)).toEqual([
      ["joined", a.user],
      ...[c, d].map(({ user }) => ["added", user, a.user]),
      ["roles", [a.user, b.user].sort(), a.user],
      ...removals,
      ["roles", [b.user], a.user],
    ])
    expect(changes(c).at(-1)).toEqual(["left", c.user, false])
    expect(changes(d).at(-1)).toEqual(["left", b.user, false])
    await Promise.all(people.map((person) => person.stop()))
  }, 30_000)

  test("see who is an admin, also after the last one left and another followed", async () => {
    const people = await register("a", "b", "c")
    const [a, b, c] = people as [Person, Person, Person]
    const id = await party(a, b, c)
    const admins = (person: Person) =>
      person.client
        .group(id)
        .members()
        .filter(({ admin }) => admin)
        .map(({ user }) => user)
    for (const person of people) expect(admins(person)).toEqual([a.user])
    await a.client.group(id).leave()
    await a.until((person) => person.has("left"))
    for (const person of [b, c]) await person.until((p) => p.has("roles"))
    for (const person of [b, c]) expect(admins(person)).toEqual([b.user])
    expect(changes(b).slice(-2)).toEqual([
      ["removed", a.user, a.user],
      ["roles", [b.user], expect.anything()],
    ])
    await b.client.group(id).remove(c.user)
    await c.until((person) => person.has("left"))
    await Promise.all(people.map((person) => person.stop()))
  }, 30_000)
})

describe("whoever leaves", () => {
  test("goes without anybody else's doing anything, one after the other until the last takes the group along", async () => {
    const people = await register("a", "b", "c")
    const [a, b, c] = people as [Person, Person, Person]
    const id = await party(a, b, c)
    for (const person of [b, a]) {
      await person.client.group(id).leave()
      await person.until((p) => p.has("left"))
    }
    await c.until((person) => person.has("removed", 2))
    await c.client.group(id).leave()
    expect(c.client.groups()).toEqual([])
    for (const person of people) expect(await person.store.list(`group/${id}`)).toEqual([])
    await Promise.all(people.map((person) => person.stop()))
  }, 30_000)

  test("need not mind that others change the group meanwhile, nor need whoever deletes it or comes back", async () => {
    const people = await register("a", "b", "c")
    const [a, b, c] = people as [Person, Person, Person]
    const id = await party(a, b, c)
    const [first, second, third] = people.map((person) => person.client.group(id))
    await Promise.all([first?.update(), second?.update(), third?.resync(), first?.update()])
    await Promise.all([first?.update(), second?.leave(), first?.update()])
    await b.until((person) => person.has("left"))
    await Promise.all([third?.update().catch(() => undefined), first?.delete()])
    await c.until((person) => person.has("left"))
    expect(people.flatMap((person) => person.client.groups())).toEqual([])
    expect(people.some((person) => person.has("failed"))).toBe(false)
    await Promise.all(people.map((person) => person.stop()))
  }, 30_000)

  test("has left, and whoever deletes a group has deleted it, after a crash at any write and whatever answer was lost", async () => {
    for (const operation of ["leave", "delete"] as const) {
      for (const write of [1, 2, 3]) {
        const store = new CrashingStore(memoryStore())
        const [host] = await register("host")
        const guest = await Person.register(server, "guest", { store })
        const id = await party(...((operation === "leave" ? [host, guest] : [guest, host]) as Person[]))
        await guest.client.caughtUp()
        store.crashIn(write, write % 2 === 0)
        await guest.client
          .group(id)
          [operation]()
          .catch(() => undefined)
        await guest.stop()
        store.revive()
        await guest.start()
        if (guest.client.groups().length > 0)
          await guest.client
            .group(id)
            [operation]()
            .catch(() => undefined)
        await (operation === "leave" ? guest : (host as Person)).until((person) => person.has("left"))
        expect([host?.has("failed"), guest.has("failed")]).toEqual([false, false])
        await Promise.all([host?.stop(), guest.stop()])
        expect(await store.list(`group/${id}`)).toEqual([])
      }
    }
  }, 30_000)

  test("deletes a group although the answer is lost", async () => {
    let lost = false
    const [host] = await register("host")
    const owner = await Person.register(server, "owner", {
      fetch: async (url, request) => {
        const response = await fetch(url, request)
        if (lost || url.pathname !== ds.deleteGroup.path) return response
        lost = true
        throw new TypeError("answer lost")
      },
    })
    const id = await party(owner, host as Person)
    await owner.client.group(id).delete()
    expect([lost, owner.client.groups()]).toEqual([true, []])
    await Promise.all([host?.stop(), owner.stop()])
  }, 30_000)
})
