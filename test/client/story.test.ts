import { afterAll, beforeAll, expect, test } from "bun:test"
import { befriend, Person } from "./people.ts"
import { ServerUnderTest } from "./server.ts"

const server = new ServerUnderTest()
beforeAll(() => server.start())
afterAll(() => server.end())

test("three people find each other, talk through a crash of the server, and one is removed", async () => {
  const alice = await Person.register(server, "alice")
  const bob = await Person.register(server, "bob")
  const carol = await Person.register(server, "carol")
  await befriend(alice, bob)
  await befriend(alice, carol)

  const group = await alice.client.createGroup()
  await group.add(bob.user)
  await group.add(carol.user)
  await Promise.all([bob, carol].map((person) => person.until((p) => p.has("joined"))))
  await bob.until((person) => person.has("added"))
  expect(
    group
      .members()
      .map(({ user }) => user)
      .sort(),
  ).toEqual([alice.user, bob.user, carol.user].sort())

  await alice.say("one")
  await bob.say("two")
  const sending = Promise.all([carol.say("three"), carol.say("four")])
  await server.kill()
  await server.start()
  await sending
  await alice.say("five")

  const all = [
    `${alice.user}: one`,
    `${bob.user}: two`,
    `${carol.user}: three`,
    `${carol.user}: four`,
    `${alice.user}: five`,
  ]
  for (const person of [alice, bob, carol]) {
    const expected = all.filter((line) => !line.startsWith(person.user))
    await person.until((p) => p.heard().length >= expected.length)
    expect(person.heard().sort()).toEqual(expected.sort())
  }

  await group.remove(carol.user)
  await alice.say("six")
  await carol.until((person) => person.has("left"))
  await bob.until((person) => person.heard().length === 5)
  expect(carol.heard()).toHaveLength(3)
  expect(carol.client.groups()).toEqual([])
  await expect(carol.say("seven")).rejects.toThrow()
  await Promise.all([alice, bob, carol].map((person) => person.stop()))
}, 60_000)
