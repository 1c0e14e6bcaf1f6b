import { describe, expect, test } from "bun:test"
import { clients, invitations } from "../../src/as/tables.ts"
import { dayOf, formatInvitation, makeInvitation } from "../../src/wire/invitation.ts"
import { contains } from "../e2e/search.ts"
import { crypto, DAY, flipBit, NOW } from "./fixtures.ts"
import { type Pending, problemOf, World } from "./world.ts"

const closed = () => World.open({ invitationRequired: true })

function invite(world: World, days = 30): Uint8Array {
  return makeInvitation(crypto, world.invitationKey, dayOf(world.seconds) + days)
}

function init(world: World, invitation: Uint8Array | null, clientId?: Uint8Array, seed?: Uint8Array) {
  return world.init(clientId, seed, invitation)
}

function finish(world: World, client: Pending): Promise<object> {
  const queueKey = crypto.x25519Public(crypto.random(32))
  return world.finish(client, { queueKey, connectionPackages: [world.makePackage(client)] })
}

describe("a server that asks for invitations", () => {
  test("registers whoever has one, once, also after a restart", async () => {
    await using world = await closed()
    const code = invite(world)
    expect(await problemOf(init(world, null))).toBe("as.invitation-required")
    expect(await problemOf(finish(world, await init(world, code)))).toBe("accepted")
    expect(await problemOf(init(world, code))).toBe("as.invalid-invitation")
    await world.restart({ invitationRequired: true })
    expect(await problemOf(init(world, code))).toBe("as.invalid-invitation")
    expect(await problemOf(init(world, invite(world)))).toBe("accepted")
  })

  test("takes no code that it did not make, or that is over", async () => {
    await using world = await closed()
    const code = invite(world, 2)
    for (let bit = 0; bit < 160; bit++)
      expect(await problemOf(init(world, flipBit(code, bit)))).toBe("as.invalid-invitation")
    const foreign = makeInvitation(crypto, crypto.random(32), dayOf(NOW) + 30)
    for (const other of [foreign, new Uint8Array(20), crypto.random(20)])
      expect(await problemOf(init(world, other))).toBe("as.invalid-invitation")
    const midnight = (dayOf(NOW) + 3) * DAY * 1000
    world.now = midnight - 1000
    expect(await problemOf(init(world, code))).toBe("accepted")
    world.now = midnight
    expect(await problemOf(init(world, code))).toBe("as.invalid-invitation")
  })

  test("lets exactly one of those win who come with the same code at the same time", async () => {
    await using world = await closed()
    const code = invite(world)
    const rivals = await Promise.all(Array.from({ length: 5 }, () => init(world, code)))
    const answers = await Promise.all(rivals.map((rival) => problemOf(finish(world, rival))))
    expect(answers.sort()).toEqual(["accepted", ...Array(4).fill("as.invalid-invitation")])
    expect([world.store.count(clients), world.store.count(invitations)]).toEqual([1, 1])
  })

  test("does not use a code up for a registration that is not finished, or that is repeated", async () => {
    await using world = await closed()
    const code = invite(world)
    await init(world, code)
    await world.restart({ invitationRequired: true })
    const client = await init(world, code)
    world.failNextChange = true
    await expect(finish(world, client)).rejects.toThrow("disk full")
    expect(world.store.count(invitations)).toBe(0)
    const queueKey = crypto.x25519Public(crypto.random(32))
    const params = { queueKey, connectionPackages: [world.makePackage(client)] }
    const together = [1, 2, 3].map(() => problemOf(world.finish(client, params)))
    expect(await Promise.all(together)).toEqual(["accepted", "accepted", "accepted"])
    expect(await problemOf(world.finish(client, params))).toBe("accepted")
    expect(world.store.count(invitations)).toBe(1)
  })

  test("keeps of a used code a hash and the month in which it would have expired, until that is over", async () => {
    await using world = await closed()
    const codes = [invite(world, 1), invite(world, 40)]
    for (const code of codes) await finish(world, await init(world, code))
    const rows = world.store.list(invitations, {}, 10)
    // November and December 2026, in months since January 2020.
    expect(rows.map(({ month, used }) => [month, used.length])).toEqual([
      [82, 32],
      [83, 32],
    ])
    const files = world.files()
    for (const code of codes) {
      for (const part of [code, code.subarray(0, 10), code.subarray(10)])
        expect(contains([files], part)).toBe(false)
      expect(files.includes(formatInvitation(code))).toBe(false)
    }
    await world.service.sweep()
    expect(world.store.count(invitations)).toBe(2)
    world.now = Date.UTC(2026, 11, 1)
    await world.service.sweep()
    expect(world.store.list(invitations, {}, 10)).toEqual(rows.slice(1))
    expect(contains([world.files()], rows[0]!.used)).toBe(false)
    world.now = Date.UTC(2027, 0, 1)
    await world.service.sweep()
    expect(world.store.count(invitations)).toBe(0)
  })
})

test("a server that is open takes everybody, and uses no code up", async () => {
  await using world = await World.open()
  for (const code of [null, invite(world), crypto.random(20)])
    expect(await problemOf(finish(world, await init(world, code)))).toBe("accepted")
  expect(world.store.count(invitations)).toBe(0)
})
