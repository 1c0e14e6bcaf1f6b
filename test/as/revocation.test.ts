import { describe, expect, test } from "bun:test"
import { clients } from "../../src/as/tables.ts"
import { OPAQUE_KE3_BYTES, PROFILE_BYTES } from "../../src/limits.ts"
import { as } from "../../src/wire/as.ts"
import { decodeIssuedCredential } from "../../src/wire/credential-format.ts"
import { makeClientCsr, verifyChain } from "../../src/wire/credentials.ts"
import { credentialFingerprint, subjectFingerprint } from "../../src/wire/revocation.ts"
import { crypto, DAY, DOMAIN } from "./fixtures.ts"
import { opaqueOf, problemOf, type Registered, signed, tokenBatch, World } from "./world.ts"

function renew(world: World, client: Registered): Promise<{ credential: Uint8Array }> {
  const csr = makeClientCsr(crypto, client.seed, client.clientId, DOMAIN)
  return world.service.handlers.renewCredential(signed(as.renewCredential, client, { csr }))
}

/** Every operation that clients sign, as this client would call it. */
function signedCalls(world: World, client: Registered): Record<string, Promise<unknown>> {
  const { handlers } = world.service
  const connectionPackages = [world.makePackage(client)]
  const queueKey = crypto.x25519Public(client.queueSecret)
  const dequeue = { acknowledge: [], usedUp: [], read: [], max: 1 }
  const ke3 = crypto.random(OPAQUE_KE3_BYTES)
  const { ke1 } = opaqueOf(client.clientId).startLogin()
  const { request } = tokenBatch(world, 1)
  return {
    [as.finishRegistration.name]: handlers.finishRegistration(
      signed(as.finishRegistration, client, { ke3, queueKey, connectionPackages: [...client.packages] }),
    ),
    [as.publishConnectionPackages.name]: handlers.publishConnectionPackages(
      signed(as.publishConnectionPackages, client, { connectionPackages }),
    ),
    [as.dequeue.name]: handlers.dequeue(signed(as.dequeue, client, dequeue)),
    [as.renewCredential.name]: renew(world, client),
    [as.startLogin.name]: handlers.startLogin(signed(as.startLogin, client, { ke1 })),
    [as.updateUserProfile.name]: handlers.updateUserProfile(
      signed(as.updateUserProfile, client, { profile: crypto.random(PROFILE_BYTES) }),
    ),
    [as.requestTokens.name]: handlers.requestTokens(signed(as.requestTokens, client, { request })),
  }
}

const outcomes = async (calls: Record<string, Promise<unknown>>) =>
  Object.fromEntries(
    await Promise.all(
      Object.entries(calls).map(async ([name, call]) => [name, await problemOf(call)] as const),
    ),
  ) as Record<string, string>

/** Those that take more than a signature are in login.test.ts. */
const operations = Object.values(as)
  .filter(({ sender, name }) => {
    return sender === "client" && name !== as.deleteAccount.name && name !== as.startRegistrationLogin.name
  })
  .map(({ name }) => name)
const all = (outcome: string) => Object.fromEntries(operations.map((name) => [name, outcome]))

/** The ways to revoke a client: by what it has, by what it is, and by whose it is. */
const ways = {
  credential: ({ credential }: Registered) => credentialFingerprint(crypto, credential),
  client: ({ clientId }: Registered) => subjectFingerprint(crypto, clientId),
  user: ({ user }: Registered) => subjectFingerprint(crypto, user),
}

describe.each(Object.entries(ways))("a client revoked by its %s", (_way, fingerprintOf) => {
  test("is refused by every signed operation, like an unknown one, and nobody else is", async () => {
    await using world = await World.open()
    const [client, other] = [await world.register(), await world.register()]
    expect(await outcomes(signedCalls(world, client))).toEqual(all("accepted"))
    const before = world.files()
    world.revoke({ fingerprint: fingerprintOf(client), notAfter: world.seconds + 90 * DAY })
    expect(await outcomes(signedCalls(world, client))).toEqual(all("auth.refused"))
    expect(world.files().equals(before)).toBe(true)
    expect(await outcomes(signedCalls(world, other))).toEqual(all("accepted"))
  })

  test("is not handed out to others, who would refuse it", async () => {
    await using world = await World.open()
    const client = await world.register()
    world.revoke({ fingerprint: fingerprintOf(client), notAfter: world.seconds + 90 * DAY })
    expect(await problemOf(world.claim(client.user))).toBe("as.no-connection-package")
    const published = await world.service.handlers.getCredentials({})
    const trust = { domain: DOMAIN, ...published }
    expect(() => verifyChain(crypto, trust, client.credential, world.seconds)).toThrow("revoked")
  })

  test("is not published any more when everything has expired, and still cannot renew", async () => {
    await using world = await World.open()
    const client = await world.register()
    const { notAfter } = decodeIssuedCredential("client", client.credential).expiration
    world.revoke({ fingerprint: fingerprintOf(client), notAfter })
    world.now = (notAfter + 1) * 1000
    expect((await world.service.handlers.getCredentials({})).revoked).toEqual([])
    expect(await problemOf(renew(world, client))).toBe("auth.refused")
  })
})

test("a revoked client or user cannot register again, and a renewed credential is revoked with its client", async () => {
  await using world = await World.open()
  const client = await world.register()
  world.now += 58 * DAY * 1000
  const { credential } = await renew(world, client)
  const notAfter = world.seconds + 90 * DAY
  world.revoke({ fingerprint: ways.client(client), notAfter })
  const trust = { domain: DOMAIN, ...(await world.service.handlers.getCredentials({})) }
  for (const one of [client.credential, credential])
    expect(() => verifyChain(crypto, trust, one, world.seconds)).toThrow("revoked")

  const newcomer = crypto.random(32)
  for (const id of [newcomer, newcomer.subarray(0, 16)]) {
    world.revoke({ fingerprint: subjectFingerprint(crypto, id), notAfter })
    expect(await problemOf(world.init(newcomer))).toBe("as.invalid-csr")
  }
  world.revoke()
  expect(await problemOf(world.init(newcomer))).toBe("accepted")
  expect(world.store.count(clients)).toBe(1)
})

test("packages whose issuer is revoked are handed out no more, and their client can still renew", async () => {
  await using world = await World.open()
  const client = await world.register()
  const revoked = credentialFingerprint(crypto, world.authority.intermediate)
  world.rotate()
  world.revoke({ fingerprint: revoked, notAfter: world.seconds + 90 * DAY })
  expect(await problemOf(world.claim(client.user))).toBe("as.no-connection-package")
  const renewed = { ...client, credential: (await renew(world, client)).credential }
  const published = await world.publish(renewed, [world.makePackage(renewed)])
  expect(published).toEqual({ left: 1 })
  expect(await problemOf(world.claim(client.user))).toBe("accepted")
})
