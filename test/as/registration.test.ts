import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { clients, packages, queues } from "../../src/as/tables.ts"
import { as } from "../../src/wire/as.ts"
import { makeClientCsr, verifyChain } from "../../src/wire/credentials.ts"
import { credentialFingerprint } from "../../src/wire/revocation.ts"
import { crypto, DAY, DOMAIN, flipBit, makeAuthority } from "./fixtures.ts"
import { opaqueOf, problemOf, signed, World } from "./world.ts"

const queueKey = () => crypto.x25519Public(crypto.random(32))
const counts = ({ store }: World) => [clients, queues, packages].map((table) => store.count(table))

describe("the AS publishes", () => {
  test("credentials that its clients' credentials chain up to", async () => {
    await using world = await World.open()
    const published = await world.service.handlers.getCredentials({})
    const { credential, clientId } = await world.init()
    const trust = { domain: DOMAIN, ...published }
    expect(verifyChain(crypto, trust, credential, world.seconds).clientId).toEqual(clientId)
  })

  test("what is revoked, and refuses those clients like unknown ones", async () => {
    await using world = await World.open()
    const client = await world.register()
    expect(await problemOf(world.publish(client, [world.makePackage(client)]))).toBe("accepted")
    const fingerprint = credentialFingerprint(crypto, client.credential)
    await world.restart({ revocations: [{ fingerprint, notAfter: world.seconds + DAY }] })
    expect((await world.service.handlers.getCredentials({})).revoked).toEqual([fingerprint])
    expect(await problemOf(world.publish(client, [world.makePackage(client)]))).toBe("auth.refused")
  })
})

describe("the first steps of a registration", () => {
  test("stores nothing", async () => {
    await using world = await World.open()
    const before = world.files()
    const { clientId, credential } = await world.init()
    expect(world.files().equals(before)).toBe(true)
    expect(world.files().includes(clientId)).toBe(false)
    expect(credential.length).toBeGreaterThan(0)
  })

  test("refuses requests that are malformed, unproven or of another domain", async () => {
    await using world = await World.open()
    const { request: opaqueRequest } = opaqueOf(crypto.random(32)).startRegistration()
    const init = (csr: Uint8Array) =>
      problemOf(world.service.handlers.initRegistration({ csr, opaqueRequest, invitation: null }))
    const csr = makeClientCsr(crypto, crypto.random(32), crypto.random(32), DOMAIN)
    const foreign = makeClientCsr(crypto, crypto.random(32), crypto.random(32), "example.net")
    expect(await init(foreign)).toBe("as.invalid-csr")
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.uint8Array({ maxLength: 300 }), async (bit, cut, bytes) => {
        for (const input of [flipBit(csr, bit), csr.subarray(0, cut % csr.length), bytes]) {
          expect(await init(input)).toBe("as.invalid-csr")
        }
      }),
      { numRuns: 100 },
    )
    expect(await init(csr)).toBe("accepted")
  })

  test("holds a user id for the key that began, and for it alone", async () => {
    await using world = await World.open()
    const first = await world.init()
    const again = await world.init(first.clientId, first.seed)
    expect(again.credential).toEqual(first.credential)
    expect(await problemOf(world.init(first.clientId))).toBe("as.client-exists")
    const sameUser = first.clientId.slice()
    sameUser[31]! ^= 1
    expect(await problemOf(world.init(sameUser))).toBe("as.client-exists")
    world.now += 301_000
    expect(await problemOf(world.init(first.clientId))).toBe("accepted")
  })

  test("refuses more than it can remember, until time has passed", async () => {
    await using world = await World.open({ pendingMax: 3 })
    const first = await world.init()
    await world.init()
    await world.init()
    expect(await problemOf(world.init())).toBe("server.overloaded")
    expect(await problemOf(world.init(first.clientId, first.seed))).toBe("accepted")
    world.now += 301_000
    expect(await problemOf(world.init())).toBe("accepted")
  })

  test("fails without blaming the request when the AS's own credential has expired", async () => {
    await using world = await World.open()
    world.now += 400 * DAY * 1000
    await expect(world.init()).rejects.toThrow("not-valid-now")
  })
})

describe("the last step of a registration", () => {
  test("stores the client, its queue and its packages together", async () => {
    await using world = await World.open()
    const client = await world.register(4)
    expect(counts(world)).toEqual([1, 1, 4])
    await world.restart()
    expect(counts(world)).toEqual([1, 1, 4])
    expect(await problemOf(world.init(client.clientId, client.seed))).toBe("as.client-exists")
  })

  test("is refused without the first, after its time, after a restart, and to another key alike", async () => {
    await using world = await World.open()
    const client = await world.init()
    const params = { queueKey: queueKey(), connectionPackages: [world.makePackage(client)] }
    const stranger = { ...client, seed: crypto.random(32) }
    const unknown = { ...client, clientId: crypto.random(32) }
    const sibling = { ...client, clientId: flipBit(client.clientId, 255) }
    for (const sender of [stranger, unknown, sibling]) {
      expect(await problemOf(world.finish(sender, params))).toBe("auth.refused")
    }
    world.now += 301_000
    expect(await problemOf(world.finish(client, params))).toBe("auth.refused")
    const late = await world.init(client.clientId, client.seed)
    await world.restart()
    expect(await problemOf(world.finish(late, params))).toBe("auth.refused")
    expect(counts(world)).toEqual([0, 0, 0])
    const again = await world.init(client.clientId, client.seed)
    expect(await problemOf(world.finish(again, params))).toBe("accepted")
  })

  test("verifies a signature of an unknown sender as well, with a key that is nobody's", async () => {
    await using world = await World.open()
    const client = await world.register()
    const tried: Uint8Array[] = []
    const params = { acknowledge: [], usedUp: [], read: [], max: 1 }
    for (let i = 0; i < 2; i++) {
      const unknown = { clientId: crypto.random(32), seed: client.seed }
      const call = signed(as.dequeue, unknown, params, (key) => tried.push(key))
      expect(await problemOf(world.service.handlers.dequeue(call))).toBe("auth.refused")
    }
    expect(tried.length).toBe(2)
    expect(tried[0]).not.toEqual(crypto.ed25519Public(client.seed))
  })

  test("refuses packages of another client, credential, key or time, and changes nothing", async () => {
    await using world = await World.open()
    const client = await world.init()
    const other = await world.register()
    const before = counts(world)
    const good = world.makePackage(client)
    const secret = crypto.random(32)
    const foreign = makeAuthority()
    const bad = [
      [other.packages[0]!],
      [good, world.makePackage({ ...client, seed: other.seed })],
      [world.makePackage(client, secret), good, world.makePackage(client, secret)],
      [good, good],
      [flipBit(good, 9)],
      [good.subarray(0, 100)],
      [foreign.root],
    ]
    for (const connectionPackages of bad) {
      const result = problemOf(world.finish(client, { queueKey: queueKey(), connectionPackages }))
      expect(await result).toBe("as.invalid-connection-package")
    }
    const unusable = world.finish(client, { queueKey: new Uint8Array(32), connectionPackages: [good] })
    expect(await problemOf(unusable)).toBe("request.malformed")
    expect(counts(world)).toEqual(before)
    expect(await problemOf(world.finish(client, { queueKey: queueKey(), connectionPackages: [good] }))).toBe(
      "accepted",
    )
  })

  test("can be repeated when its answer was lost, also after a restart and after claims", async () => {
    await using world = await World.open()
    const client = await world.init()
    const packagesOf = [1, 2, 3].map(() => world.makePackage(client))
    const params = { queueKey: queueKey(), connectionPackages: packagesOf }
    const together = [
      world.finish(client, params),
      world.finish(client, params),
      world.finish(client, params),
    ]
    expect(await Promise.all(together.map(problemOf))).toEqual(["accepted", "accepted", "accepted"])
    expect(counts(world)).toEqual([1, 1, 3])
    await world.restart()
    await world.claim(client.clientId.subarray(0, 16))
    await world.claim(client.clientId.subarray(0, 16))
    const rows = counts(world)
    expect(await problemOf(world.finish(client, params))).toBe("accepted")
    expect(counts(world)).toEqual(rows)
  })

  test("is refused when repeated with other content", async () => {
    await using world = await World.open()
    const client = await world.init()
    const params = { queueKey: queueKey(), connectionPackages: [world.makePackage(client)] }
    await world.finish(client, params)
    const otherQueue = { ...params, queueKey: queueKey() }
    const otherPackages = { ...params, connectionPackages: [world.makePackage(client)] }
    expect(await problemOf(world.finish(client, otherQueue))).toBe("as.client-exists")
    expect(await problemOf(world.finish(client, otherPackages))).toBe("as.client-exists")
    expect(await problemOf(world.finish({ ...client, seed: crypto.random(32) }, params))).toBe("auth.refused")
    expect(counts(world)).toEqual([1, 1, 1])
  })

  test("adds no second client to a user", async () => {
    await using world = await World.open()
    const client = await world.register()
    const second = client.clientId.slice()
    second[31]! ^= 1
    expect(await problemOf(world.init(second))).toBe("as.client-exists")
    expect(await problemOf(world.init(second, client.seed))).toBe("as.client-exists")
  })
})

describe("what registrations leave in the files", () => {
  test("does not show their order", async () => {
    await using world = await World.open()
    const users: Uint8Array[] = []
    for (let i = 0; i < 12; i++) users.push((await world.register(2)).clientId)
    const stored = world.store.list(clients, {}, 100).map(({ user }) => Buffer.from(user).toString("hex"))
    expect(stored).toEqual(users.map((id) => Buffer.from(id.subarray(0, 16)).toString("hex")).sort())
    const lengths = new Set(world.store.list(clients, {}, 100).map(({ credential }) => credential.length))
    const bodies = new Set(world.store.list(packages, {}, 100).map(({ body }) => body.length))
    expect([lengths.size, bodies.size]).toEqual([1, 1])
  })
})
