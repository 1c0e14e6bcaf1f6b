import { describe, expect, test } from "bun:test"
import { clients, invitations, packages, queues, users } from "../../src/as/tables.ts"
import { ChainReader, ENTRY_BYTES } from "../../src/crypto/chain.ts"
import { CHAIN_SLOTS, OVERFLOW_STARTS } from "../../src/limits.ts"
import { poolTable } from "../../src/queue/pool.ts"
import { as } from "../../src/wire/as.ts"
import { contains, Haystack } from "../e2e/search.ts"
import { crypto, flipBit } from "./fixtures.ts"
import { problemOf, type Registered, signed, World } from "./world.ts"

const NOTHING = { acknowledge: [], usedUp: [], read: [], max: 100 }

async function deleted(world: World, client: Registered): Promise<void> {
  const ke3 = await world.logIn(client)
  await world.delete(client, ke3 as Uint8Array)
}

/** Tags and entries of all queues. */
function poolOf({ store }: World): Uint8Array[] {
  return store.partitions("as_pool_").flatMap((name) => {
    return store.list(poolTable(name), {}, 10_000).flatMap(({ tag, entry }) => [tag, entry])
  })
}

function enqueue(world: World, { clientId }: Registered, message = crypto.random(200)) {
  return world.service.handlers.enqueue({ client: clientId, message })
}

/** Every byte string that is stored about a client, and what it is known by. */
function storedOf(world: World, { clientId, user, credential, packages: made }: Registered): Uint8Array[] {
  const rows = [
    ...world.store.list(users, { user }, 10),
    ...world.store.list(clients, { user }, 10),
    ...world.store.list(packages, { user }, 200),
    world.store.storedOf(queues, clientId),
  ]
  const values = rows.flatMap((row) => Object.values(row)).filter((value) => value instanceof Uint8Array)
  return [...values, clientId, clientId.slice(16), credential, ...made].map((value) => value.slice())
}

/** Whether the files hold any of it, whole or in part. What all accounts share does not count. */
function found(world: World, stored: readonly Uint8Array[], survivor: Registered): string[] {
  const files = world.files()
  const known = new Haystack(storedOf(world, survivor))
  const whole = stored.filter((value) => contains([files], value)).map((value) => value.toHex())
  const haystack = new Haystack([files])
  return [...whole, ...stored.flatMap((value) => haystack.sharedWith(value, known))]
}

describe("deleting an account", () => {
  test("leaves nothing of it in the files: no identifier, key, credential, record, package or chain start", async () => {
    await using world = await World.open()
    const [client, survivor] = [await world.register(7), await world.register(7)]
    const stored = storedOf(world, client)
    // So many restarts that the queue's older chain starts lie in the pool.
    for (let i = 0; i < CHAIN_SLOTS + 2 * OVERFLOW_STARTS; i++) {
      await enqueue(world, client)
      await enqueue(world, survivor)
      await world.restart()
    }
    await world.publish(client, [world.makePackage(client)])
    stored.push(...storedOf(world, client))
    expect(stored.length).toBeGreaterThan(60)
    expect(found(world, stored, survivor).length).toBeGreaterThan(60)

    const pool = poolOf(world)
    await deleted(world, client)
    const left = new Set(poolOf(world).map((value) => value.toHex()))
    const overflow = pool.filter((value) => !left.has(value.toHex()))
    expect(overflow.map(({ length }) => length).sort()).toEqual([16, 16, ENTRY_BYTES, ENTRY_BYTES].sort())
    stored.push(...overflow)
    expect(found(world, stored, survivor)).toEqual([])
    await world.restart()
    expect(found(world, stored, survivor)).toEqual([])
  }, 30_000)

  test("leaves an empty database if there was one account whose queue was read", async () => {
    await using world = await World.open()
    const client = await world.register()
    await enqueue(world, client)
    const dequeue = (params: object) =>
      world.service.handlers.dequeue(signed(as.dequeue, client, { ...NOTHING, ...params }))
    const { starts } = await dequeue({})
    const [opened] = starts.flatMap((start) => ChainReader.open(crypto, client.queueSecret, start) ?? [])
    const { reader, month } = opened!
    await dequeue({ acknowledge: [{ chain: reader.id, address: reader.address, month, through: 0 }] })
    await deleted(world, client)
    for (const table of [users, clients, packages, queues, invitations])
      expect(world.store.count(table)).toBe(0)
    expect(poolOf(world)).toEqual([])
  })

  test("makes the client unknown to everybody, and its user id free for anybody", async () => {
    await using world = await World.open()
    const client = await world.register()
    await deleted(world, client)
    expect(await problemOf(world.publish(client, [world.makePackage(client)]))).toBe("auth.refused")
    expect(await problemOf(world.logIn(client))).toBe("auth.refused")
    expect(await problemOf(world.delete(client, crypto.random(64)))).toBe("auth.refused")
    expect(await problemOf(world.claim(client.user))).toBe("as.no-connection-package")
    expect(await problemOf(enqueue(world, client))).toBe("as.unknown-queue")
    const params = { queueKey: client.packages[0]!.slice(0, 32), connectionPackages: [...client.packages] }
    expect(await problemOf(world.finish(client, params))).toBe("auth.refused")
    const successor = await world.init(flipBit(client.clientId, 255))
    expect(successor.credential).not.toEqual(client.credential)
  })

  test("touches nobody else", async () => {
    await using world = await World.open()
    const [before, client, after] = [await world.register(), await world.register(), await world.register()]
    const kept = [before, after].flatMap((other) => storedOf(world, other))
    await deleted(world, client)
    expect([before, after].flatMap((other) => storedOf(world, other))).toEqual(kept)
    for (const other of [before, after]) {
      expect(await problemOf(enqueue(world, other))).toBe("accepted")
      expect(await world.logIn(other)).toBeDefined()
    }
  })

  test("lets nothing through that was asked for in the same moment", async () => {
    await using world = await World.open()
    for (let i = 0; i < 10; i++) {
      const client = await world.register()
      const fresh = [world.makePackage(client), world.makePackage(client)]
      const ke3 = (await world.logIn(client)) as Uint8Array
      const answers = await Promise.all([
        problemOf(world.delete(client, ke3)),
        problemOf(world.publish(client, [fresh[0]!])),
        problemOf(world.publish(client, [fresh[1]!])),
        problemOf(enqueue(world, client)),
        problemOf(world.claim(client.user)),
        problemOf(world.delete(client, ke3)),
      ])
      expect(answers[0]).toBe("accepted")
      expect(answers.slice(1)).toEqual([
        "auth.refused",
        "auth.refused",
        "accepted",
        "as.no-connection-package",
        "auth.refused",
      ])
      expect(contains([world.files()], client.user)).toBe(false)
    }
    for (const table of [users, clients, packages, queues]) expect(world.store.count(table)).toBe(0)
  })

  test("that cannot be made durable changes nothing, and takes a new login to be tried again", async () => {
    await using world = await World.open()
    const client = await world.register()
    const kept = storedOf(world, client)
    const ke3 = (await world.logIn(client)) as Uint8Array
    world.failNextChange = true
    await expect(world.delete(client, ke3)).rejects.toThrow("disk full")
    expect(storedOf(world, client)).toEqual(kept)
    expect(await problemOf(enqueue(world, client))).toBe("accepted")
    expect(await problemOf(world.delete(client, ke3))).toBe("auth.refused")
    await deleted(world, client)
    expect(world.store.count(clients)).toBe(0)
  })
})
