import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { aliases, aliasPackages, clients, queues } from "../../src/as/tables.ts"
import { decodeAliasPackage, encodeAliasPackage, verifyAliasPackage } from "../../src/wire/alias-package.ts"
import { as } from "../../src/wire/as.ts"
import { concat, toHex } from "../../src/wire/bytes.ts"
import { openConnectionRequest, sealConnectionRequest } from "../../src/wire/connection.ts"
import { OwnAlias } from "./alias.ts"
import { crypto, DAY, flipBit } from "./fixtures.ts"
import { visit } from "./visit.ts"
import { problemOf, signed, signedBy, World } from "./world.ts"

const counts = ({ store }: World) => [aliases, queues, aliasPackages].map((table) => store.count(table))
const NOTHING = { acknowledge: [], usedUp: [], read: [], max: 100 }

describe("an alias", () => {
  test("brings a connection request from claim to its owner, across a restart", async () => {
    await using world = await World.open()
    const sender = await world.register()
    const alias = await OwnAlias.registered(world, { packageCount: 1 })
    const secret = crypto.random(32)
    await alias.publish([alias.makePackage(secret)])
    let claimed: Uint8Array
    do claimed = await alias.claim()
    while (toHex(decodeAliasPackage(claimed).encryptionKey) !== toHex(crypto.x25519Public(secret)))
    const { encryptionKey } = verifyAliasPackage(crypto, alias.alias, claimed, world.seconds)
    const group = { groupId: crypto.random(16), earKey: crypto.random(32), credentialKey: crypto.random(32) }
    const message = sealConnectionRequest(crypto, encryptionKey, sender.seed, sender.credential, group)
    await alias.enqueue(message)
    await world.restart()
    const [received] = await visit(alias)
    const { trust } = world.authority
    const opened = openConnectionRequest(crypto, secret, received!, () => trust, world.seconds)
    expect(opened.sender.clientId).toEqual(sender.clientId)
    expect(opened.earKey).toEqual(group.earKey)
  })

  test("is whose registered it first; a repetition with the same keys changes nothing", async () => {
    await using world = await World.open()
    const owner = await OwnAlias.registered(world)
    const squatter = new OwnAlias(world, { alias: owner.alias })
    const otherQueue = new OwnAlias(world, { alias: owner.alias, seed: owner.seed })
    expect(counts(world)).toEqual([1, 1, 3])
    for (const moment of ["before", "after"]) {
      expect(await problemOf(owner.register())).toBe("accepted")
      expect(await problemOf(squatter.register())).toBe("as.alias-exists")
      expect(await problemOf(otherQueue.register())).toBe("as.alias-exists")
      if (moment === "before") await world.restart()
    }
    await owner.claim()
    expect(await problemOf(owner.register())).toBe("accepted")
    expect(counts(world)).toEqual([1, 1, 2])
  })

  test("goes to one of those who register it at once", async () => {
    await using world = await World.open()
    const alias = crypto.random(32)
    const rivals = Array.from({ length: 6 }, () => new OwnAlias(world, { alias }))
    const answers = await Promise.all(rivals.map((rival) => problemOf(rival.register())))
    expect(answers.filter((answer) => answer === "accepted").length).toBe(1)
    expect(answers.filter((answer) => answer === "as.alias-exists").length).toBe(5)
    const winner = rivals[answers.indexOf("accepted")]!
    await winner.enqueue(Uint8Array.of(7))
    expect(await visit(winner)).toEqual([Uint8Array.of(7)])
    expect(counts(world)).toEqual([1, 1, 3])
  })

  test("can be registered by anybody once it is deleted; the former owner's keys then open nothing", async () => {
    await using world = await World.open()
    const former = await OwnAlias.registered(world)
    await former.enqueue(Uint8Array.of(1))
    await former.delete()
    expect(await problemOf(former.delete())).toBe("auth.refused")
    expect(await problemOf(former.claim())).toBe("as.no-connection-package")
    expect(await problemOf(former.enqueue(Uint8Array.of(2)))).toBe("as.unknown-queue")
    expect(await problemOf(visit(former))).toBe("auth.refused")
    const next = await OwnAlias.registered(world, { alias: former.alias })
    await next.enqueue(Uint8Array.of(3))
    for (const attempt of [former.delete(), former.publish([former.makePackage()]), visit(former)]) {
      expect(await problemOf(attempt)).toBe("auth.refused")
    }
    expect(await visit(next)).toEqual([Uint8Array.of(3)])
    expect(toHex(await next.claim())).not.toBe("")
    expect(counts(world)).toEqual([1, 1, 2])
  })

  test("belongs to its key: nothing is done for another alias's, a client's or a made-up one", async () => {
    await using world = await World.open()
    const [alias, other] = [await OwnAlias.registered(world), await OwnAlias.registered(world)]
    const client = await world.register()
    const before = counts(world)
    for (const seed of [other.seed, client.seed, crypto.random(32)]) {
      const thief = new OwnAlias(world, { ...alias, seed, packageCount: 1 })
      for (const attempt of [thief.delete(), thief.publish(thief.packages), visit(thief)]) {
        expect(await problemOf(attempt)).toBe("auth.refused")
      }
    }
    const { handlers } = world.service
    const asClient = signed(as.dequeueAlias, { clientId: alias.alias, seed: alias.seed }, NOTHING)
    expect(await problemOf(handlers.dequeueAlias(asClient))).toBe("auth.refused")
    const asAlias = signedBy({ kind: "alias", id: client.clientId }, as.dequeue, client.seed, NOTHING)
    expect(await problemOf(handlers.dequeue(asAlias))).toBe("auth.refused")
    expect(await problemOf(world.dequeue({ clientId: alias.alias, seed: alias.seed }))).toBe("auth.refused")
    expect(counts(world)).toEqual(before)
  })

  test("is registered with a key only by whoever has that key", async () => {
    await using world = await World.open()
    const victim = new OwnAlias(world)
    const { authKey } = victim.registration
    const thief = new OwnAlias(world)
    expect(await problemOf(thief.register({ ...thief.registration, authKey }))).toBe("auth.refused")
    const stolen = new OwnAlias(world, { alias: thief.alias })
    expect(await problemOf(stolen.register({ ...victim.registration, authKey }))).toBe("auth.refused")
    expect(counts(world)).toEqual([0, 0, 0])
  })

  test("that is unknown is refused by a key that is nobody's, like a wrong signature", async () => {
    await using world = await World.open()
    const { alias, seed } = new OwnAlias(world)
    const tried: Uint8Array[] = []
    const call = signedBy({ kind: "alias", id: alias }, as.dequeueAlias, seed, NOTHING, (key) =>
      tried.push(key),
    )
    expect(await problemOf(world.service.handlers.dequeueAlias(call))).toBe("auth.refused")
    expect(tried.length).toBe(1)
    expect(tried[0]).not.toEqual(crypto.ed25519Public(seed))
  })

  test("touches no client, even if its hash is the client's id, and no client touches it", async () => {
    await using world = await World.open()
    const victim = await world.register()
    await world.service.handlers.enqueue({ client: victim.clientId, message: Uint8Array.of(1) })
    const alias = await OwnAlias.registered(world, { alias: victim.clientId })
    await alias.enqueue(Uint8Array.of(2))
    expect(await visit(alias)).toEqual([Uint8Array.of(2)])
    await alias.delete()
    const own = {
      queueSecret: victim.queueSecret,
      dequeue: (params: object) => world.dequeue(victim, params),
    }
    expect(await visit(own)).toEqual([Uint8Array.of(1)])
    expect(world.store.count(clients)).toBe(1)

    const known = await OwnAlias.registered(world)
    const message = Uint8Array.of(3)
    const asClient = world.service.handlers.enqueue({ client: known.alias, message })
    expect(await problemOf(asClient)).toBe("as.unknown-queue")
    expect(await problemOf(world.claim(known.alias.subarray(0, 16)))).toBe("as.no-connection-package")
  })
})

describe("connection packages of an alias", () => {
  test("are handed out once each, but for the last", async () => {
    await using world = await World.open()
    const alias = await OwnAlias.registered(world, { packageCount: 5 })
    const claimed = await Promise.all(Array.from({ length: 9 }, () => alias.claim()))
    const names = claimed.map(toHex)
    expect(new Set(names)).toEqual(new Set(alias.packages.map(toHex)))
    expect(world.store.count(aliasPackages)).toBe(1)
  })

  test("are not drained by a stranger who claims and claims", async () => {
    await using world = await World.open({ consumingClaimsMax: 2 })
    const [victim, other] = [await OwnAlias.registered(world), await OwnAlias.registered(world)]
    await victim.publish(Array.from({ length: 7 }, () => victim.makePackage()))
    for (let i = 0; i < 20; i++) await victim.claim()
    expect(world.store.get(aliases, { alias: victim.alias })?.packages.length).toBe(8)
    await other.claim()
    expect(world.store.get(aliases, { alias: other.alias })?.packages.length).toBe(2)
  })

  test("expire, and make room then", async () => {
    await using world = await World.open()
    const alias = await OwnAlias.registered(world)
    world.now += 95 * DAY * 1000
    expect(await problemOf(alias.claim())).toBe("as.no-connection-package")
    expect(await problemOf(alias.publish(alias.packages))).toBe("as.invalid-connection-package")
    await alias.publish([alias.makePackage()])
    expect(world.store.count(aliasPackages)).toBe(1)
    await alias.claim()
  })

  test("are refused if they are another alias's or key's, forged, doubled or too long-lived, and change nothing", async () => {
    await using world = await World.open()
    const alias = await OwnAlias.registered(world)
    const sameKey = new OwnAlias(world, { seed: alias.seed })
    const sameName = new OwnAlias(world, { alias: alias.alias })
    const good = alias.makePackage()
    const bad = [[sameKey.packages[0]!], [sameName.packages[0]!], [good, good], [good, flipBit(good, 5)]]
    for (const packages of bad) {
      expect(await problemOf(alias.publish(packages))).toBe("as.invalid-connection-package")
      const fresh = new OwnAlias(world, { alias: crypto.random(32), seed: alias.seed })
      const registering = fresh.register({ ...fresh.registration, connectionPackages: packages })
      expect(await problemOf(registering)).toBe("as.invalid-connection-package")
    }
    fc.assert(
      fc.property(fc.nat(8 * good.length - 1), (bit) => {
        const changed = flipBit(good, bit)
        expect(() => verifyAliasPackage(crypto, alias.alias, changed, world.seconds)).toThrow()
      }),
      { numRuns: 60 },
    )
    const decoded = decodeAliasPackage(good)
    const { notBefore, notAfter } = decoded.expiration
    const longer = encodeAliasPackage({ ...decoded, expiration: { notBefore, notAfter: notAfter + 1 } })
    expect(() => decodeAliasPackage(longer)).toThrow("lifetime")
    expect(counts(world)).toEqual([1, 1, 3])
  })
})

describe("deleting an alias", () => {
  test("leaves nothing of it in the files", async () => {
    await using world = await World.open()
    const [alias] = [await OwnAlias.registered(world), await OwnAlias.registered(world)]
    // A restart with a message after it begins a chain each time: more than the queue's record has slots for.
    for (let i = 0; i < 20; i++) {
      await world.restart()
      await alias.enqueue(Uint8Array.of(i))
    }
    const row = world.store.get(aliases, { alias: alias.alias })!
    const { alias: id, packages } = row
    const rows = [
      world.store.storedOf(aliases, id),
      world.store.storedOf(queues, row.queue),
      ...[...packages].map((number) =>
        world.store.storedOf(aliasPackages, concat(id, Uint8Array.of(number))),
      ),
    ]
    const stored = rows.flatMap(({ name, body }) => [name.slice(), body.slice()])
    const before = world.files()
    for (const part of stored) expect(before.includes(part)).toBe(true)
    for (const part of alias.publicParts) expect(before.includes(part)).toBe(false)
    await alias.delete()
    const after = world.files()
    for (const part of stored) {
      for (let at = 0; at + 8 <= part.length; at += 8) {
        expect(after.includes(part.subarray(at, at + 8))).toBe(false)
      }
    }
    expect(counts(world)).toEqual([1, 1, 3])
  })

  test("wins against everything that comes at the same time, which leaves nothing behind", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(["publish", "claim", "enqueue", "dequeue"] as const),
        async (others) => {
          await using world = await World.open()
          const alias = await OwnAlias.registered(world)
          const act = {
            publish: () => alias.publish([alias.makePackage()]),
            claim: () => alias.claim(),
            enqueue: () => alias.enqueue(Uint8Array.of(1)),
            dequeue: () => alias.dequeue(NOTHING),
          }
          const deleting = alias.delete()
          await Promise.all(others.map((other) => problemOf(act[other]())))
          await deleting
          expect(counts(world)).toEqual([0, 0, 0])
          for (const part of alias.publicParts) expect(world.files().includes(part)).toBe(false)
        },
      ),
      { numRuns: 15 },
    )
  })

  test("that failed changes nothing", async () => {
    await using world = await World.open()
    const alias = await OwnAlias.registered(world)
    await alias.enqueue(Uint8Array.of(1))
    world.failNextChange = true
    await expect(alias.delete()).rejects.toThrow("disk full")
    await alias.enqueue(Uint8Array.of(2))
    expect((await visit(alias)).map(([byte]) => byte)).toEqual([1, 2])
    expect(counts(world)).toEqual([1, 1, 3])
  })
})
