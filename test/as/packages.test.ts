import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { shelfOfUser } from "../../src/as/client-packages.ts"
import { choosePackage } from "../../src/as/packages.ts"
import { packages } from "../../src/as/tables.ts"
import { CONNECTION_PACKAGES_MAX } from "../../src/limits.ts"
import { toHex } from "../../src/wire/bytes.ts"
import { decodeConnectionPackage, verifyConnectionPackage } from "../../src/wire/connection.ts"
import { crypto, DAY, makeClient, signPackage } from "./fixtures.ts"
import { problemOf, World } from "./world.ts"

describe("claiming a connection package", () => {
  test("hands each out once, gone from the files before the answer, and keeps the last", async () => {
    await using world = await World.open()
    const client = await world.register(5)
    const claimed: string[] = []
    for (let i = 0; i < 4; i++) {
      const body = await world.claim(client.user)
      expect(
        verifyConnectionPackage(crypto, world.authority.trust, body, world.seconds).client.clientId,
      ).toEqual(client.clientId)
      expect(world.files().includes(body.subarray(1, 33))).toBe(false)
      claimed.push(toHex(body))
    }
    expect(new Set(claimed).size).toBe(4)
    const last = toHex(await world.claim(client.user))
    expect(claimed).not.toContain(last)
    for (let i = 0; i < 3; i++) expect(toHex(await world.claim(client.user))).toBe(last)
    expect([...claimed, last].sort()).toEqual(client.packages.map(toHex).sort())
  })

  test("never hands one out twice, however many claim at once", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 25 }),
        async (count, claims) => {
          await using world = await World.open()
          const client = await world.register(count)
          const claimed = await Promise.all(Array.from({ length: claims }, () => world.claim(client.user)))
          const names = claimed.map(toHex)
          const [kept] = world.store.list(packages, {}, 100).map(({ body }) => toHex(body))
          const others = names.filter((name) => name !== kept)
          expect(new Set(others).size).toBe(others.length)
          expect(world.store.count(packages)).toBe(Math.max(1, count - claims))
        },
      ),
      { numRuns: 15 },
    )
  })

  test("is refused for a user who is unknown, or whose packages have expired", async () => {
    await using world = await World.open()
    const client = await world.register()
    expect(await problemOf(world.claim(crypto.random(16)))).toBe("as.no-connection-package")
    world.now += 95 * DAY * 1000
    expect(await problemOf(world.claim(client.user))).toBe("as.no-connection-package")
  })

  test("answers with the whole package, even if whoever published it at the same time wipes the request", async () => {
    await using world = await World.open()
    const client = await world.register(1)
    const seen = new Set<string>()
    for (let i = 0; i < 20; i++) {
      const published = world.makePackage(client)
      const original = toHex(published)
      const publishing = world.publish(client, [published], (params) => {
        for (const body of params.connectionPackages) body.fill(0)
      })
      const [, claimed] = await Promise.all([publishing, world.claim(client.user)])
      expect(() =>
        verifyConnectionPackage(crypto, world.authority.trust, claimed, world.seconds),
      ).not.toThrow()
      if (toHex(claimed) === original) seen.add(original)
    }
    expect(seen.size).toBeGreaterThan(0)
  })

  test("takes from the named user only", async () => {
    await using world = await World.open()
    const [alice, bob] = [await world.register(2), await world.register(2)]
    await world.claim(alice.user)
    await world.claim(alice.user)
    const left = world.store.list(packages, { user: bob.user }, 10).map(({ body }) => toHex(body))
    expect(left.sort()).toEqual(bob.packages.map(toHex).sort())
  })

  test("chooses without regard to the order of publication", async () => {
    await using world = await World.open()
    const claimedFirst = new Set<number>()
    for (let i = 0; i < 60 && claimedFirst.size < 2; i++) {
      const client = await world.register(2)
      const claimed = toHex(await world.claim(client.user))
      claimedFirst.add(client.packages.findIndex((published) => toHex(published) === claimed))
    }
    expect([...claimedFirst].sort()).toEqual([0, 1])
  })
})

test("a claim chooses evenly among the packages of all of a user's clients", async () => {
  await using world = await World.open()
  const client = await world.register(3)
  const rows = world.store
    .list(packages, {}, 10)
    .map((row, index) => ({ ...row, client: new Uint8Array(16).fill(index) }))
  const choose = () => choosePackage(crypto, shelfOfUser(client.user), rows, true)!
  const chosen = Array.from({ length: 120 }, () => toHex(choose().body))
  expect(new Set(chosen)).toEqual(new Set(client.packages.map(toHex)))
})

describe("publishing connection packages", () => {
  test("adds to those that are there, once each, up to the limit", async () => {
    await using world = await World.open()
    const client = await world.register(1)
    const more = Array.from({ length: CONNECTION_PACKAGES_MAX - 2 }, () => world.makePackage(client))
    expect(await problemOf(world.publish(client, more))).toBe("accepted")
    expect(await problemOf(world.publish(client, more))).toBe("accepted")
    expect(world.store.count(packages)).toBe(CONNECTION_PACKAGES_MAX - 1)
    const two = [world.makePackage(client), world.makePackage(client)]
    expect(await problemOf(world.publish(client, two))).toBe("as.too-many-connection-packages")
    expect(world.store.count(packages)).toBe(CONNECTION_PACKAGES_MAX - 1)
    expect(await problemOf(world.publish(client, two.slice(1)))).toBe("accepted")
  })

  test("makes room by dropping what has expired", async () => {
    await using world = await World.open()
    const client = await world.register(1)
    const short = Array.from({ length: 5 }, () => {
      const decoded = decodeConnectionPackage(world.makePackage(client))
      const expiration = { ...decoded.expiration, notAfter: world.seconds + DAY }
      return signPackage({ ...decoded, expiration }, client.seed)
    })
    await world.publish(client, short)
    expect(world.store.count(packages)).toBe(6)
    world.now += 2 * DAY * 1000
    await world.publish(client, [world.makePackage(client)])
    expect(world.store.count(packages)).toBe(2)
  })

  test("is refused for a package with another credential of the same key", async () => {
    await using world = await World.open()
    const client = await world.register(1)
    const twin = makeClient(world.authority, world.seconds, client.seed)
    const published = world.publish(client, [world.makePackage(twin)])
    expect(await problemOf(published)).toBe("as.invalid-connection-package")
  })

  test("keeps the limit when several publish at once", async () => {
    await using world = await World.open()
    const client = await world.register(1)
    const batch = () => Array.from({ length: 40 }, () => world.makePackage(client))
    const results = await Promise.all([1, 2, 3].map(() => problemOf(world.publish(client, batch()))))
    expect(results.sort()).toEqual(["accepted", "accepted", "as.too-many-connection-packages"])
    expect(world.store.count(packages)).toBe(81)
  })

  test("is refused to strangers, before registration is finished, and for packages of others", async () => {
    await using world = await World.open()
    const [alice, bob, pending] = [await world.register(), await world.register(), await world.init()]
    const stranger = { ...alice, seed: crypto.random(32) }
    expect(await problemOf(world.publish(stranger, [world.makePackage(alice)]))).toBe("auth.refused")
    expect(await problemOf(world.publish(pending, [world.makePackage(pending)]))).toBe("auth.refused")
    expect(await problemOf(world.publish(alice, [world.makePackage(bob)]))).toBe(
      "as.invalid-connection-package",
    )
    world.now += 95 * DAY * 1000
    const old = [...alice.packages]
    expect(await problemOf(world.publish(alice, old))).toBe("as.invalid-connection-package")
  })
})
