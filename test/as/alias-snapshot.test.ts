import { describe, expect, test } from "bun:test"
import { packagesOf } from "../../src/as/alias-packages.ts"
import { aliases, aliasPackages, clients, packages, profiles, queues } from "../../src/as/tables.ts"
import { toHex } from "../../src/wire/bytes.ts"
import { OwnAlias } from "./alias.ts"
import { crypto } from "./fixtures.ts"
import { type Registered, World } from "./world.ts"

/** A person as nobody should see it: a user and two aliases that belong together. */
interface Somebody {
  readonly user: Registered
  readonly aliases: readonly [OwnAlias, OwnAlias]
}

async function registerSomebody(world: World): Promise<Somebody> {
  const user = await world.register(3)
  return { user, aliases: [await OwnAlias.registered(world), await OwnAlias.registered(world)] }
}

/** All that is stored of a user. */
function rowsOfUser({ store }: World, { user, clientId }: Registered): Uint8Array[] {
  return bytesOf([
    ...store.list(clients, { user }, 10),
    ...store.list(packages, { user }, 100),
    ...store.list(profiles, { user }, 10),
    store.get(queues, { id: clientId })!,
  ])
}

/** All that is stored of an alias. */
function rowsOfAlias({ store }: World, { alias }: OwnAlias): Uint8Array[] {
  const row = store.get(aliases, { alias })!
  const record = store.get(queues, { id: row.queue })!
  return bytesOf([row, record, ...packagesOf(store, row)])
}

function bytesOf(rows: readonly object[]): Uint8Array[] {
  return rows.flatMap((row) => Object.values(row).filter((value) => value instanceof Uint8Array))
}

/** All strings of so many bytes in the values, in hexadecimal. */
function windows(values: readonly Uint8Array[], length: number): Set<string> {
  const found = new Set<string>()
  for (const value of values) {
    for (let at = 0; at + length <= value.length; at++) found.add(toHex(value.subarray(at, at + length)))
  }
  return found
}

describe("a snapshot of users and their aliases", () => {
  test("has no eight bytes of a user with its aliases, nor of one alias with the other, that are not everybody's", async () => {
    await using world = await World.open()
    const people: Somebody[] = []
    for (let i = 0; i < 5; i++) people.push(await registerSomebody(world))
    for (const { user, aliases: own } of people) {
      await world.service.handlers.enqueue({ client: user.clientId, message: crypto.random(833) })
      for (const alias of own) await alias.enqueue(crypto.random(833))
    }
    const identities = people.map(({ user, aliases: [one, other] }) => [
      rowsOfUser(world, user),
      rowsOfAlias(world, one),
      rowsOfAlias(world, other),
    ])
    for (const [index, own] of identities.entries()) {
      const others = identities.filter((_, at) => at !== index).flat(2)
      const everybodys = windows(others, 4)
      const [user, one, other] = own.map((rows) => windows(rows, 8)) as [
        Set<string>,
        Set<string>,
        Set<string>,
      ]
      for (const [a, b] of [
        [user, one],
        [user, other],
        [one, other],
      ] as const) {
        // A byte before or after something that everybody has may be the same by chance.
        const shared = [...a].filter((window) => b.has(window))
        const telling = shared.filter((window) => {
          return !everybodys.has(window.slice(0, 8)) && !everybodys.has(window.slice(8))
        })
        expect(telling).toEqual([])
      }
    }
  })

  test("has packages and records of aliases that are alike in length and lifetime, whoever's they are", async () => {
    await using world = await World.open()
    for (let i = 0; i < 4; i++) {
      await registerSomebody(world)
      world.now += 86_400_000
    }
    const bodies = world.store.rows(aliasPackages).map(({ body }) => body)
    expect(bodies.length).toBe(24)
    expect(new Set(bodies.map(({ length }) => length)).size).toBe(1)
    expect(new Set(bodies.map((body) => toHex(body.subarray(33, 49)))).size).toBe(1)
    const records = world.store.rows(queues).filter(({ id }) => id.length === 16)
    expect(records.length).toBe(8)
    const lengths = records.map((row) => Object.values(row).map((value) => (value as Uint8Array).length))
    expect(new Set(lengths.map((all) => all.join(" "))).size).toBe(1)
  })

  test("does not show by its order who registered which alias, each right after its user", async () => {
    await using world = await World.open()
    const people: Somebody[] = []
    for (let i = 0; i < 20; i++) {
      people.push(await registerSomebody(world))
      if (i % 3 === 0) world.store.scrub()
    }
    const file = world.files()
    const inFileOrder = (names: readonly Uint8Array[]) =>
      names
        .map((name, owner) => ({ owner, at: file.indexOf(name) }))
        .sort((a, b) => a.at - b.at)
        .map(({ owner }) => owner)
    const users = inFileOrder(people.map(({ user }) => user.user))
    for (const which of [0, 1] as const) {
      const found = inFileOrder(people.map(({ aliases: own }) => own[which].alias))
      const matched = (order: readonly number[]) => order.filter((owner, at) => owner === users[at]).length
      // By chance one matches; nine come once in a million times.
      expect(matched(found)).toBeLessThan(9)
      expect(matched(found.toReversed())).toBeLessThan(9)
    }
  })
})
