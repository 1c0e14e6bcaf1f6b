import { expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { KEY_PACKAGE_SECONDS_MAX } from "../../src/limits.ts"
import { addPackages } from "../../src/qs/tables.ts"
import { QUEUE_CONFIG_EXTENSION_TYPE } from "../../src/wire/queue-config.ts"
import { registered } from "./delivery.ts"
import { crypto, Member, NOW, signed, World } from "./world.ts"

const NOTHING = { acknowledge: [], usedUp: [], read: [], max: 0 }

test("the public keys belong to the secrets", async () => {
  await using world = await World.open()
  const { pushKey, ...others } = await world.qs.handlers.publicKeys({})
  expect(pushKey).toHaveLength(65)
  expect(others).toEqual({
    configKey: crypto.x25519Public(world.secrets.configSecretKeys[0]!),
    signingKey: crypto.ed25519Public(world.secrets.signingSeed),
  })
})

test("a registration that is repeated gets the same ids; another one with its token hash is refused", async () => {
  await using world = await World.open()
  const member = new Member()
  const answers = await Promise.all(
    Array.from({ length: 4 }, () => world.qs.handlers.createUser(member.registration())),
  )
  for (const answer of answers) expect(answer).toEqual(answers[0]!)
  for (const change of ["userAuthKey", "clientAuthKey", "queueKey"] as const) {
    const other = { ...member.registration(), [change]: crypto.x25519Public(crypto.random(32)) }
    await expect(world.qs.handlers.createUser(other)).rejects.toThrow("qs.token-taken")
  }
  const unusable = { ...new Member().registration(), queueKey: new Uint8Array(32) }
  await expect(world.qs.handlers.createUser(unusable)).rejects.toThrow("request.malformed")
})

test("each normal AddPackage is handed out once among racing claims, the last resort again and again", async () => {
  await using world = await World.open()
  const member = await registered(world)
  const published = member.addPackages(world, 12)
  await world.qs.handlers.publishAddPackages(member.signed({ addPackages: published }))
  const { friendshipToken } = member
  const claims = await Promise.all(
    Array.from({ length: 15 }, () => world.qs.handlers.claimAddPackages({ friendshipToken })),
  )
  const claimed = claims.map((claim) => {
    expect(claim.addPackages).toHaveLength(1)
    return claim.addPackages[0]!.keyPackage.toHex()
  })
  const [lastResort, ...normal] = published.map(({ keyPackage }) => keyPackage.toHex())
  expect(claimed.slice(0, 12).sort()).toEqual(normal.sort())
  expect(claimed.slice(12)).toEqual([lastResort!, lastResort!, lastResort!])
  expect(world.store.count(addPackages)).toBe(1)
})

test("a claimed AddPackage is deleted durably, also for a server that starts again", async () => {
  await using world = await World.open()
  const member = await registered(world)
  const published = member.addPackages(world, 1)
  await world.qs.handlers.publishAddPackages(member.signed({ addPackages: published }))
  const { friendshipToken } = member
  const first = await world.qs.handlers.claimAddPackages({ friendshipToken })
  expect(first.addPackages).toEqual([published[1]!])
  world.restart()
  const second = await world.qs.handlers.claimAddPackages({ friendshipToken })
  expect(second.addPackages).toEqual([published[0]!])
})

test("who claims again and again gets the last resort, and drains no AddPackages", async () => {
  await using world = await World.open()
  world.consumingClaimsMax = 3
  world.restart()
  const [victim, other] = [await registered(world), await registered(world)]
  for (const member of [victim, other]) {
    await world.qs.handlers.publishAddPackages(member.signed({ addPackages: member.addPackages(world, 9) }))
  }
  const claimed = new Set<string>()
  for (let i = 0; i < 12; i++) {
    const { addPackages: one } = await world.qs.handlers.claimAddPackages(victim)
    claimed.add(one[0]!.keyPackage.toHex())
  }
  expect(claimed.size).toBe(4)
  await world.qs.handlers.claimAddPackages(other)
  expect(world.store.count(addPackages)).toBe(20 - 4)
})

test("publishing replaces all that was there", async () => {
  await using world = await World.open()
  const member = await registered(world)
  await world.qs.handlers.publishAddPackages(member.signed({ addPackages: member.addPackages(world, 5) }))
  await world.qs.handlers.publishAddPackages(member.signed({ addPackages: member.addPackages(world, 2) }))
  expect(world.store.count(addPackages)).toBe(3)
})

test("stored AddPackages have few lengths, whatever theirs are", async () => {
  await using world = await World.open()
  const member = await registered(world)
  const published = member.addPackages(world, 9).map((addPackage, i) => {
    return { ...addPackage, encryptedCredential: crypto.random(1 + 450 * i) }
  })
  await world.qs.handlers.publishAddPackages(member.signed({ addPackages: published }))
  const rows = world.store.stored(addPackages)
  expect(new Set(rows.map(({ body }) => body.length)).size).toBeLessThanOrEqual(3)
})

test("no friendship token, and a user without packages, are the same refusal", async () => {
  await using world = await World.open()
  const member = await registered(world)
  for (const friendshipToken of [crypto.random(32), member.friendshipToken]) {
    await expect(world.qs.handlers.claimAddPackages({ friendshipToken })).rejects.toThrow("qs.no-add-package")
  }
})

test("AddPackages that break a rule are refused, and nothing is replaced", async () => {
  await using world = await World.open()
  const [member, other] = [await registered(world), await registered(world)]
  const good = member.addPackages(world, 1)
  await world.qs.handlers.publishAddPackages(member.signed({ addPackages: good }))
  const one = member.addPackage(world, true)
  const withConfig = (data: Uint8Array) => {
    return member.addPackage(world, false, { extensions: [{ type: QUEUE_CONFIG_EXTENSION_TYPE, data }] })
  }
  const initKey = crypto.x25519Public(crypto.random(32))
  const forged = one.keyPackage.slice()
  forged[forged.length - 1]! ^= 1
  const bad = {
    "no last resort": [member.addPackage(world, false)],
    "two of last resort": [one, member.addPackage(world, true)],
    "one package twice": [one, one],
    "one init key twice": [one, ...[0, 1].map(() => member.addPackage(world, false, { initKey }))],
    "a forged signature": [{ ...one, keyPackage: forged }],
    "not a KeyPackage": [{ ...one, keyPackage: crypto.random(300) }],
    "an expired one": [one, member.addPackage(world, false, { notAfter: NOW / 1000 - 5 })],
    "one that lives too long": [
      one,
      member.addPackage(world, false, { notAfter: NOW / 1000 - 10 + KEY_PACKAGE_SECONDS_MAX + 1 }),
    ],
    "without a queue config": [one, member.addPackage(world, false, { extensions: [] })],
    "a config of another domain": [one, withConfig(member.queueConfig(world, "other.example"))],
    "a config of another client": [one, withConfig(other.queueConfig(world))],
    "a config signed by another": [one, withConfig(member.queueConfig(world, undefined, other.clientSeed))],
    "a config that does not decode": [one, withConfig(crypto.random(100))],
  }
  for (const [name, packages] of Object.entries(bad)) {
    const attempt = world.qs.handlers.publishAddPackages(member.signed({ addPackages: packages }))
    expect([name, await attempt.then(String, (error: Error) => error.message)]).toEqual([
      name,
      "qs.invalid-add-packages",
    ])
  }
  const { friendshipToken } = member
  const claim = await world.qs.handlers.claimAddPackages({ friendshipToken })
  expect(claim.addPackages).toEqual([good[1]!])
})

test("an unknown sender, a wrong key and a wrong kind of sender are the same refusal", async () => {
  await using world = await World.open()
  const [member, stranger] = [await registered(world), new Member()]
  stranger.client = crypto.random(16)
  const sink = { send: () => true, close: () => undefined }
  const wrong = [
    { seed: stranger.clientSeed, sender: { kind: "qs-client", id: stranger.client } },
    { seed: stranger.clientSeed, sender: { kind: "qs-client", id: member.client } },
    { seed: member.clientSeed, sender: { kind: "qs-user", id: member.client } },
  ] as const
  for (const { seed, sender } of wrong) {
    const call = signed(seed, sender, NOTHING)
    await expect(world.qs.handlers.dequeue(call)).rejects.toThrow("auth.refused")
    expect(() => world.qs.openStream(signed(seed, sender, {}), sink)).toThrow("auth.refused")
  }
  const publish = stranger.signed({ addPackages: member.addPackages(world, 1) })
  await expect(world.qs.handlers.publishAddPackages(publish)).rejects.toThrow("auth.refused")
  expect((await world.qs.handlers.dequeue(member.signed(NOTHING))).entries).toEqual([])
  expect(world.qs.openStream(member.signed({}), sink)).toBeDefined()
})

test("the files hold no friendship token and no client key", async () => {
  await using world = await World.open()
  const member = await registered(world)
  await world.qs.handlers.publishAddPackages(member.signed({ addPackages: member.addPackages(world, 3) }))
  world.store.scrub()
  const secrets = [
    member.friendshipToken,
    member.clientSeed,
    member.userSeed,
    member.queueSecretKey,
    ...Object.values(world.secrets).flat(),
  ]
  for (const name of readdirSync(world.directory)) {
    const bytes = readFileSync(join(world.directory, name))
    for (const secret of secrets) expect(bytes.includes(secret)).toBe(false)
  }
})
