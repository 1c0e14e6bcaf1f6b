import { describe, expect, test } from "bun:test"
import { users } from "../../src/as/tables.ts"
import { LOGINS_PER_CLIENT_MAX } from "../../src/limits.ts"
import { remove } from "../../src/store/database.ts"
import { as } from "../../src/wire/as.ts"
import { credentialFingerprint } from "../../src/wire/revocation.ts"
import { crypto, flipBit, type TestClient } from "./fixtures.ts"
import { opaqueOf, PASSWORD, problemOf, signed, World } from "./world.ts"

const start = (world: World, client: TestClient) => problemOf(world.logIn(client))
const HOUR = 3_600_000

/** OPAQUE's last message, with the right password. */
async function loggedIn(world: World, client: TestClient): Promise<Uint8Array> {
  const ke3 = await world.logIn(client)
  if (ke3 === undefined) throw new Error("the password does not fit")
  return ke3
}

describe("the first login of a registration", () => {
  const params = (world: World, client: TestClient) => {
    return {
      queueKey: crypto.x25519Public(crypto.random(32)),
      connectionPackages: [world.makePackage(client)],
    }
  }

  test("must have succeeded before anything is stored", async () => {
    await using world = await World.open()
    const { client, record } = await world.requestCredential({
      clientId: crypto.random(32),
      seed: crypto.random(32),
    })
    const finish = (ke3: Uint8Array) => problemOf(world.finish({ ...client, ke3 }, params(world, client)))
    expect(await finish(crypto.random(64))).toBe("auth.refused")
    const { ke3 } = await world.beginFirstLogin(client, record)
    expect(await finish(crypto.random(64))).toBe("auth.refused")
    expect(await finish(flipBit(ke3, 77))).toBe("auth.refused")
    const newer = await world.beginFirstLogin(client, record)
    expect(await finish(ke3)).toBe("auth.refused")
    expect(world.store.count(users)).toBe(0)
    expect(await finish(newer.ke3)).toBe("accepted")
    expect(world.store.list(users, {}, 10)).toEqual([{ user: client.clientId.slice(0, 16), record }])
  })

  test("is of no use for another user's registration", async () => {
    await using world = await World.open()
    const [mallory, alice] = [await world.init(), await world.init()]
    const stolen = { ...alice, ke3: mallory.ke3 }
    expect(await problemOf(world.finish(stolen, params(world, alice)))).toBe("auth.refused")
    expect(await problemOf(world.finish(alice, params(world, alice)))).toBe("accepted")
  })

  test("is begun by nobody but the pending client", async () => {
    await using world = await World.open()
    const ids = { clientId: crypto.random(32), seed: crypto.random(32) }
    const { client, record } = await world.requestCredential(ids)
    const registered = await world.register()
    const { ke3 } = await world.beginFirstLogin(client, record)
    const begin = (sender: Pick<TestClient, "clientId" | "seed">) =>
      problemOf(world.beginFirstLogin(sender, record))
    expect(await begin({ ...ids, seed: crypto.random(32) })).toBe("auth.refused")
    expect(await begin({ ...ids, clientId: crypto.random(32) })).toBe("auth.refused")
    expect(await begin({ ...ids, clientId: flipBit(ids.clientId, 255) })).toBe("auth.refused")
    expect(await begin(registered)).toBe("auth.refused")
    expect(await problemOf(world.finish({ ...client, ke3 }, params(world, client)))).toBe("accepted")
  })

  test("is not pushed out by strangers, however many registrations they begin", async () => {
    await using world = await World.open({ pendingMax: 3 })
    const client = await world.init()
    for (let i = 0; i < 5; i++) {
      expect(await problemOf(world.init(client.clientId))).toBe("as.client-exists")
      await problemOf(world.init())
    }
    expect(await problemOf(world.init())).toBe("server.overloaded")
    expect(await problemOf(world.finish(client, params(world, client)))).toBe("accepted")
  })

  test("needs a record and messages that OPAQUE can read", async () => {
    await using world = await World.open()
    const ids = { clientId: crypto.random(32), seed: crypto.random(32) }
    const { record } = await world.requestCredential(ids)
    const { ke1 } = opaqueOf(ids.clientId).startLogin()
    const begin = (given: { record: Uint8Array; ke1: Uint8Array }) =>
      problemOf(world.service.handlers.startRegistrationLogin(signed(as.startRegistrationLogin, ids, given)))
    expect(await begin({ record: new Uint8Array(192), ke1 })).toBe("request.malformed")
    expect(await begin({ record, ke1: new Uint8Array(96) })).toBe("request.malformed")
    expect(await begin({ record, ke1 })).toBe("accepted")
  })
})

describe("a login", () => {
  test("is good for one operation, and for none once it failed", async () => {
    await using world = await World.open()
    const client = await world.register()
    const first = await loggedIn(world, client)
    for (const wrong of [crypto.random(64), flipBit(first, 1), first])
      expect(await problemOf(world.delete(client, wrong))).toBe("auth.refused")
    const second = await loggedIn(world, client)
    expect(await problemOf(world.delete(client, first))).toBe("auth.refused")
    expect(await problemOf(world.delete(client, second))).toBe("auth.refused")
    expect(await problemOf(world.delete(client, await loggedIn(world, client)))).toBe("accepted")
  })

  test("is replaced by a newer one, ends with its time, and with the process", async () => {
    await using world = await World.open()
    const client = await world.register()
    const older = await loggedIn(world, client)
    await loggedIn(world, client)
    expect(await problemOf(world.delete(client, older))).toBe("auth.refused")
    const late = await loggedIn(world, client)
    world.now += 301_000
    expect(await problemOf(world.delete(client, late))).toBe("auth.refused")
    const before = await loggedIn(world, client)
    await world.restart()
    expect(await problemOf(world.delete(client, before))).toBe("auth.refused")
    const inTime = await loggedIn(world, client)
    world.now += 299_000
    expect(await problemOf(world.delete(client, inTime))).toBe("accepted")
  })

  test("belongs to its client", async () => {
    await using world = await World.open()
    const [alice, mallory] = [await world.register(), await world.register()]
    const [hers, his] = [await loggedIn(world, alice), await loggedIn(world, mallory)]
    expect(await problemOf(world.delete(alice, his))).toBe("auth.refused")
    expect(await problemOf(world.delete(mallory, hers))).toBe("auth.refused")
    expect(world.store.count(users)).toBe(2)
  })

  test("with a wrong password fails on the client's side, and leaves the account alone", async () => {
    await using world = await World.open()
    const client = await world.register()
    expect(await world.logIn(client, `${PASSWORD}.`)).toBeUndefined()
    expect(world.store.count(users)).toBe(1)
    expect(await world.logIn(client)).toBeDefined()
  })

  test("is refused alike to unknown and revoked clients and to wrong keys, after the same check of a signature", async () => {
    await using world = await World.open()
    const [client, revoked] = [await world.register(), await world.register()]
    const fingerprint = credentialFingerprint(crypto, revoked.credential)
    await world.restart({ revocations: [{ fingerprint, notAfter: world.seconds + 1000 }] })
    const { ke1 } = opaqueOf(client.clientId).startLogin()
    const senders = [
      { ...client, clientId: crypto.random(32) },
      { ...client, seed: crypto.random(32) },
      { ...client, clientId: flipBit(client.clientId, 255) },
      revoked,
    ]
    for (const sender of senders) {
      const tried: Uint8Array[] = []
      const login = signed(as.startLogin, sender, { ke1 }, (key) => tried.push(key))
      const deletion = signed(as.deleteAccount, sender, { ke3: crypto.random(64) }, (key) => tried.push(key))
      expect(await problemOf(world.service.handlers.startLogin(login))).toBe("auth.refused")
      expect(await problemOf(world.service.handlers.deleteAccount(deletion))).toBe("auth.refused")
      expect(tried.length).toBe(2)
    }
  })

  test("of a user whose record is not there is answered like others, and never succeeds", async () => {
    await using world = await World.open()
    const client = await world.register()
    const [user] = world.store.list(users, {}, 1)
    await world.store.writer.submit({ expects: [], effects: () => [remove(users, { user: user!.user })] })
    expect(await world.logIn(client)).toBeUndefined()
    expect(await problemOf(world.delete(client, crypto.random(64)))).toBe("auth.refused")
  })
})

describe("guessing passwords with a client's key", () => {
  test("ends after so many logins an hour, for that client alone", async () => {
    await using world = await World.open()
    const [client, other] = [await world.register(), await world.register()]
    for (let i = 0; i < LOGINS_PER_CLIENT_MAX; i++) {
      expect(await world.logIn(client, `guess ${i}`)).toBeUndefined()
    }
    expect(await start(world, client)).toBe("as.too-many-logins")
    world.now += HOUR - 1
    expect(await start(world, client)).toBe("as.too-many-logins")
    expect(await start(world, other)).toBe("accepted")
    world.now += 1
    expect(await problemOf(world.delete(client, await loggedIn(world, client)))).toBe("accepted")
  })

  test("counts logins that are never finished, and those with messages that are none", async () => {
    await using world = await World.open()
    const client = await world.register()
    for (let i = 0; i < LOGINS_PER_CLIENT_MAX; i++) {
      const call = signed(as.startLogin, client, { ke1: new Uint8Array(96) })
      expect(await problemOf(world.service.handlers.startLogin(call))).toBe("request.malformed")
    }
    expect(await start(world, client)).toBe("as.too-many-logins")
  })

  test("leaves a trace in memory for registered clients only, and for a bounded number of them", async () => {
    const limits = { perClientMax: 5, windowSeconds: 3600, loginSeconds: 300, clientsMax: 2 }
    await using world = await World.open({ loginLimits: limits })
    const [one, two, three] = [await world.register(), await world.register(), await world.register()]
    for (let i = 0; i < 10; i++) {
      expect(await start(world, { ...one, clientId: crypto.random(32) })).toBe("auth.refused")
      expect(await start(world, { ...three, seed: crypto.random(32) })).toBe("auth.refused")
    }
    expect(await start(world, one)).toBe("accepted")
    expect(await start(world, two)).toBe("accepted")
    expect(await start(world, three)).toBe("server.overloaded")
    const ke3 = await loggedIn(world, one)
    expect(await problemOf(world.delete(one, ke3))).toBe("accepted")
    expect(await start(world, three)).toBe("accepted")
    world.now += HOUR
    expect(await start(world, two)).toBe("accepted")
  })
})
