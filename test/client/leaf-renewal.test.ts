import { expect, test } from "bun:test"
import { ClientError } from "../../src/client/errors.ts"
import { GroupRecord } from "../../src/client/group-records.ts"
import { at, load } from "../../src/client/record-store.ts"
import { ClockedServer, eventually, register } from "./clocked-server.ts"
import { befriend, Person } from "./people.ts"
import { ServerUnderTest } from "./server.ts"
import { credentialEnd, packageEnds } from "./stored.ts"

const leafEnd = async ({ store }: Person, group: string) =>
  (await load(store, GroupRecord, at.group(group)))?.ownLeaf.notAfter ?? 0

test("members take new leaf credentials after they renewed their own, so that others can join for ever", async () => {
  await using server = await ClockedServer.start()
  const people = await Promise.all(["a", "b", "c"].map((name) => register(server, name)))
  const [a, b, c] = people as [Person, Person, Person]
  await befriend(a, b)
  await befriend(a, c)
  const group = await a.client.createGroup()
  await group.add(b.user)
  await b.until((person) => person.has("joined"))
  await a.say("one")
  await b.say("two")
  await Promise.all([a, b].map((person) => person.until((p) => p.heard().length === 1)))

  const first = await credentialEnd(a.store)
  server.passDays((first - server.seconds) / 86_400 - 3)
  for (const person of [a, b]) await eventually(async () => (await leafEnd(person, group.id)) > first)
  await eventually(async () => (await packageEnds(c.store)).every((end) => end > first))
  server.passDays(4)
  // By then it may be time for other friendship keys as well, and nobody can add somebody who has just replaced theirs.
  await eventually(async () => {
    await group.add(c.user).catch((error: unknown) => {
      if (!(error instanceof ClientError && error.code === "qs.no-add-package")) throw error
    })
    return group.members().length === 3
  })
  await c.until((person) => person.has("joined"))
  expect(
    c.client
      .group(group.id)
      .members()
      .map(({ user }) => user),
  ).toEqual([a.user, b.user, c.user])

  await a.say("three")
  await b.say("four")
  await a.until((person) => person.heard().length === 2)
  await b.until((person) => person.heard().length === 2)
  await c.until((person) => person.heard().length === 2)
  expect(a.heard()).toEqual([`${b.user}: two`, `${b.user}: four`])
  expect(b.heard()).toEqual([`${a.user}: one`, `${a.user}: three`])
  const changes = [...a.events, ...b.events].filter(({ type }) => type === "removed" || type === "failed")
  expect(changes).toEqual([])
  await Promise.all(people.map((person) => person.stop()))
}, 60_000)

test("an update gives a new pseudonym under which the member is the same to the others, message by message", async () => {
  const server = new ServerUnderTest()
  await server.start()
  const [a, b] = [await Person.register(server, "a"), await Person.register(server, "b")]
  await befriend(a, b)
  const group = await a.client.createGroup()
  await group.add(b.user)
  await b.until((person) => person.has("joined"))
  for (let i = 0; i < 4; i++) {
    await a.say(`${i}`)
    await (i % 2 === 0 ? group : b.client.group(group.id)).update()
  }
  await b.until((person) => person.heard().length === 4)
  expect(b.heard()).toEqual([0, 1, 2, 3].map((i) => `${a.user}: ${i}`))
  expect(b.events.filter(({ type }) => type === "added" || type === "removed")).toEqual([])
  expect(
    b.client
      .group(group.id)
      .members()
      .map(({ user }) => user),
  ).toEqual([a.user, b.user])
  await Promise.all([a, b].map((person) => person.stop()))
  await server.end()
}, 60_000)
