import { describe, expect, test } from "bun:test"
import { clients, packages } from "../../src/as/tables.ts"
import { labels } from "../../src/crypto/labels.ts"
import { signLabeled } from "../../src/crypto/signature.ts"
import { as } from "../../src/wire/as.ts"
import {
  decodeIssuedCredential,
  decodeSigningRequest,
  encodeSigningRequest,
  signingRequestTbs,
} from "../../src/wire/credential-format.ts"
import { makeClientCsr, makeIntermediateCsr, verifyChain } from "../../src/wire/credentials.ts"
import { crypto, DAY, DOMAIN, flipBit, type TestClient } from "./fixtures.ts"
import { problemOf, type Registered, signed, World } from "./world.ts"

const csrOf = ({ clientId, seed }: Pick<TestClient, "clientId" | "seed">) =>
  makeClientCsr(crypto, seed, clientId, DOMAIN)

/** Renews, signing with the sender's key whatever the request says. */
async function renew(world: World, sender: TestClient, csr = csrOf(sender)): Promise<Uint8Array> {
  const call = signed(as.renewCredential, sender, { csr })
  return (await world.service.handlers.renewCredential(call)).credential
}

const stored = (world: World) => world.store.list(clients, {}, 10).map(({ credential }) => credential)

const endOf = (credential: Uint8Array) => decodeIssuedCredential("client", credential).expiration.notAfter

/** A client whose credential ends in half a month. */
async function aged(world: World): Promise<Registered> {
  const client = await world.register(2)
  world.now += 58 * DAY * 1000
  return client
}

describe("renewing a credential", () => {
  test("gives the next one for the same client and key, in the place of the one before", async () => {
    await using world = await World.open()
    const client = await aged(world)
    const next = await renew(world, client)
    expect(stored(world)).toEqual([next])
    expect(endOf(next)).toBeGreaterThan(endOf(client.credential) + 50 * DAY)
    const verified = verifyChain(crypto, world.authority.trust, next, world.seconds)
    expect(verified.clientId).toEqual(client.clientId)
    expect(verified.publicKey).toEqual(crypto.ed25519Public(client.seed))
  })

  test("is the same when it is repeated, and writes nothing then", async () => {
    await using world = await World.open()
    const client = await aged(world)
    const together = await Promise.all([1, 2, 3].map(() => renew(world, client)))
    const files = world.files()
    const again = await renew(world, client)
    expect(world.files().equals(files)).toBe(true)
    for (const one of together) expect(one).toEqual(again)
    await world.restart()
    expect(await renew(world, client)).toEqual(again)
  })

  test("gives a credential for another key, after which only that one is the client's", async () => {
    await using world = await World.open()
    const client = await aged(world)
    const rekeyed = { ...client, seed: crypto.random(32) }
    const next = await renew(world, client, csrOf(rekeyed))
    expect(verifyChain(crypto, world.authority.trust, next, world.seconds).publicKey).toEqual(
      crypto.ed25519Public(rekeyed.seed),
    )
    expect(await problemOf(renew(world, client, csrOf(rekeyed)))).toBe("auth.refused")
    expect(await renew(world, rekeyed)).toEqual(next)
    expect(await problemOf(world.publish(client, [world.makePackage(client)]))).toBe("auth.refused")
    const current = { ...rekeyed, credential: next }
    expect(await problemOf(world.publish(current, [world.makePackage(current)]))).toBe("accepted")
  })

  test("to two other keys at once gives one of them the client", async () => {
    await using world = await World.open()
    const client = await aged(world)
    const rivals = [1, 2].map(() => ({ ...client, seed: crypto.random(32) }))
    const results = await Promise.all(rivals.map((rival) => problemOf(renew(world, client, csrOf(rival)))))
    expect(results.sort()).toEqual(["accepted", "auth.refused"])
  })

  test("keeps the packages with the one before until they end, and takes new ones with the new one only", async () => {
    await using world = await World.open()
    const client = await aged(world)
    const renewed = { ...client, credential: await renew(world, client) }
    expect(world.store.count(packages)).toBe(2)
    expect(await problemOf(world.claim(client.user))).toBe("accepted")
    expect(await problemOf(world.publish(client, [world.makePackage(client)]))).toBe(
      "as.invalid-connection-package",
    )
    expect(await problemOf(world.publish(renewed, [world.makePackage(renewed)]))).toBe("accepted")
    expect(world.store.count(packages)).toBe(2)
    world.now = (endOf(client.credential) + 1) * 1000
    await world.publish(renewed, [world.makePackage(renewed)])
    const left = world.store.list(packages, {}, 10)
    expect(left).toHaveLength(2)
    expect(await problemOf(world.claim(client.user))).toBe("accepted")
  })

  test("works for a year after the end, with the old key, and not later", async () => {
    await using world = await World.open()
    const client = await world.register()
    world.now = (endOf(client.credential) + 364 * DAY) * 1000
    world.rotate()
    const next = await renew(world, client)
    expect(endOf(next)).toBeGreaterThan(world.seconds)
    world.now = (endOf(next) + 366 * DAY) * 1000
    world.rotate()
    expect(await problemOf(renew(world, { ...client, credential: next }))).toBe("as.credential-expired")
    expect(stored(world)).toEqual([next])
  })

  test("leads to the intermediate that signs now", async () => {
    await using world = await World.open()
    const client = await world.register()
    const before = await renew(world, client)
    expect(before).toEqual(client.credential)
    world.rotate()
    const after = await renew(world, client)
    expect(after).not.toEqual(before)
    verifyChain(crypto, world.authority.trust, after, world.seconds)
  })

  test("does not happen when it cannot be stored", async () => {
    await using world = await World.open()
    const client = await aged(world)
    world.failNextChange = true
    await expect(renew(world, client)).rejects.toThrow("disk full")
    expect(stored(world)).toEqual([client.credential])
  })
})

describe("renewing a credential is refused", () => {
  test("to strangers, to those in the middle of registering, and with another's key", async () => {
    await using world = await World.open()
    const [client, pending] = [await aged(world), await world.init()]
    const stranger = { ...client, clientId: crypto.random(32) }
    const thief = { ...client, seed: crypto.random(32) }
    for (const sender of [stranger, pending, thief])
      expect(await problemOf(renew(world, sender))).toBe("auth.refused")
    expect(stored(world)).toEqual([client.credential])
  })

  test("for requests that are forged, of another client, domain or kind", async () => {
    await using world = await World.open()
    const [client, other] = [await aged(world), await world.register()]
    const csr = csrOf(client)
    const { selfSignature, ...unsigned } = decodeSigningRequest("client", csr)
    const tbs = signingRequestTbs(unsigned)
    const sign = (seed: Uint8Array, label: Uint8Array) =>
      encodeSigningRequest({ ...unsigned, selfSignature: signLabeled(crypto, seed, label, tbs) })
    const forged = {
      "of another client": csrOf(other),
      "of another client with the own key": csrOf({ ...other, seed: client.seed }),
      "of another domain": makeClientCsr(crypto, client.seed, client.clientId, "example.net"),
      "for an intermediate": makeIntermediateCsr(crypto, client.seed, DOMAIN),
      "signed by another key": sign(other.seed, labels.clientRequest),
      "signed as an intermediate's": sign(client.seed, labels.asIntermediateRequest),
      "signed as a leaf's": sign(client.seed, labels.leafRequest),
      "signed as a credential": sign(client.seed, labels.clientCredential),
      "an issued credential": client.credential,
      truncated: csr.subarray(0, csr.length - 1),
    }
    for (const [name, request] of Object.entries(forged))
      expect([name, await problemOf(renew(world, client, request))]).toEqual([name, "as.invalid-csr"])
    for (let bit = 0; bit < 8 * csr.length; bit += 13)
      expect(await problemOf(renew(world, client, flipBit(csr, bit)))).toBe("as.invalid-csr")
    expect(sign(client.seed, labels.clientRequest)).toEqual(csr)
    expect(selfSignature).toHaveLength(64)
    expect(stored(world)).toContainEqual(client.credential)
    expect(await problemOf(renew(world, client))).toBe("accepted")
  })

  test("without blaming the request when the AS's own credential has expired", async () => {
    await using world = await World.open()
    const client = await world.register()
    world.now += 400 * DAY * 1000
    await expect(renew(world, client)).rejects.toThrow("not-valid-now")
    expect(stored(world)).toEqual([client.credential])
  })
})
