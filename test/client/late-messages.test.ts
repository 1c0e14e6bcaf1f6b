import { afterAll, beforeAll, expect, test } from "bun:test"
import { Ears } from "./ears.ts"
import { befriend, Person } from "./people.ts"
import { ServerUnderTest } from "./server.ts"

const server = new ServerUnderTest()
beforeAll(() => server.start())
afterAll(() => server.end())

interface Scene {
  readonly ears: Ears
  readonly people: readonly [a: Person, b: Person, c: Person, d: Person]
}

/** Four people of whom the first three are in a group; the first, whose ears these are, and the third are admins. */
async function scene(): Promise<Scene> {
  const ears = new Ears()
  const a = await Person.register(server, "a", { webSocket: ears.webSocket })
  const others = await Promise.all(["b", "c", "d"].map((name) => Person.register(server, name)))
  const [b, c, d] = others as [Person, Person, Person]
  for (const other of others) await befriend(a, other)
  await befriend(c, d)
  const group = await a.client.createGroup()
  for (const guest of [b, c]) {
    await group.add(guest.user)
    await guest.until((person) => person.has("joined"))
  }
  await group.changeRoles([a.user, c.user])
  await b.say("first words")
  await a.until((person) => person.heard().length === 1)
  return { ears, people: [a, b, c, d] }
}

function end({ people }: Scene): Promise<unknown> {
  return Promise.all(people.map((person) => person.stop()))
}

test("what somebody said before they were removed reaches whoever removed them, and is not taken for their successor's", async () => {
  const set = await scene()
  const [a, b, , d] = set.people
  const [group] = a.client.groups()
  set.ears.close()
  await b.say("last words")
  await group?.remove(b.user)
  await group?.add(d.user)
  await d.until((person) => person.has("joined"))
  await d.say("hello")
  const leaves = group?.members().map(({ user, leaf }) => ({ user, leaf }))
  expect(leaves?.find(({ user }) => user === d.user)?.leaf).toBe(1)
  set.ears.open()
  await a.until((person) => person.heard().includes(`${d.user}: hello`))
  expect(a.heard()).toEqual([`${b.user}: first words`, `${b.user}: last words`, `${d.user}: hello`])
  await end(set)
})

test("whoever joins again hears everything of those who took the place of others meanwhile", async () => {
  const set = await scene()
  const [a, b, c, d] = set.people
  set.ears.close()
  await c.client.groups()[0]?.remove(b.user)
  await c.client.groups()[0]?.add(d.user)
  await d.until((person) => person.has("joined"))
  await a.client.groups()[0]?.resync()
  // It may be further by a commit of its own, which says so with no event.
  const epochOf = ({ client }: Person) => client.groups()[0]?.epoch ?? -1n
  while (epochOf(d) < epochOf(a)) await Bun.sleep(5)
  await d.say("hello")
  set.ears.open()
  await a.until((person) => person.has("message", 2))
  expect(a.heard().at(-1)).toBe(`${d.user}: hello`)
  await end(set)
})

test("whoever was removed and does not know it yet cannot join again, and is told so by a code", async () => {
  const set = await scene()
  const [a, , c] = set.people
  set.ears.close()
  await c.client.groups()[0]?.remove(a.user)
  const joining = a.client.groups()[0]?.resync()
  expect(joining).rejects.toMatchObject({ name: "ClientError", code: "client.invalid" })
  await joining?.catch(() => undefined)
  set.ears.open()
  await a.until((person) => person.has("left"))
  await end(set)
})
