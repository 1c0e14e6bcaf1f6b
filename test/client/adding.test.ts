import { afterAll, beforeAll, expect, test } from "bun:test"
import { ADDS_PER_COMMIT_MAX } from "../../src/limits.ts"
import { befriend, Person } from "./people.ts"
import { ServerUnderTest } from "./server.ts"

const server = new ServerUnderTest()
beforeAll(() => server.start())
afterAll(() => server.end())

test("several contacts come by one commit, each told by whom, and all of them or nobody", async () => {
  const names = ["host", "a", "b", "c", "stranger"]
  const people = await Promise.all(names.map((name) => Person.register(server, name)))
  const [host, a, b, c, stranger] = people as [Person, Person, Person, Person, Person]
  for (const guest of [a, b, c]) await befriend(host, guest)
  const group = await host.client.createGroup()
  await group.add(a.user)
  const { epoch } = group

  const unknown = [b.user, stranger.user]
  await expect(group.add(unknown)).rejects.toMatchObject({ code: "client.unknown-contact" })
  await expect(group.add([b.user, a.user])).rejects.toMatchObject({ code: "ds.not-allowed" })
  const crowd = Array.from({ length: ADDS_PER_COMMIT_MAX + 1 }, (_, i) => `${i}@example.org`)
  await expect(group.add(crowd)).rejects.toMatchObject({ code: "request.too-large" })
  await group.add([])
  expect(group.epoch).toBe(epoch)
  expect(group.members().map(({ user }) => user)).toEqual([host.user, a.user])

  await group.add([b.user, c.user, b.user])
  expect(group.epoch).toBe(epoch + 1n)
  for (const guest of [b, c]) await guest.until((person) => person.has("joined"))
  await a.until((person) => person.has("added", 2))
  await host.say("welcome")
  for (const guest of [a, b, c]) {
    await guest.until((person) => person.heard().length === 1)
    const members = guest.client.group(group.id).members()
    expect(members.map(({ user }) => user)).toEqual([host.user, a.user, b.user, c.user])
    expect(guest.events.find(({ type }) => type === "joined")).toMatchObject({ by: host.user })
  }
  await Promise.all(people.map((person) => person.stop()))
}, 60_000)
