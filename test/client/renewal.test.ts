import { describe, expect, test } from "bun:test"
import { GroupRecord } from "../../src/client/group-records.ts"
import { at, load } from "../../src/client/record-store.ts"
import { PublishedAddPackages } from "../../src/client/records.ts"
import { type ClientStore, memoryStore } from "../../src/client/store.ts"
import type { Fetch } from "../../src/client/transport.ts"
import { intermediateEnd, withNewIntermediate } from "../../src/config/authority/rotation.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { as } from "../../src/wire/as.ts"
import { equal } from "../../src/wire/bytes.ts"
import { credentialFingerprint } from "../../src/wire/revocation.ts"
import { post } from "../http/fixture.ts"
import { ClockedServer, DOMAIN, eventually, register } from "./clocked-server.ts"
import { befriend, type Person } from "./people.ts"
import { accountIn, credentialEnd, packageEnds } from "./stored.ts"
import { CrashingStore } from "./trouble.ts"

/** What the own leaf in a group was made with. */
async function leafCredential(store: ClientStore, group: string): Promise<Uint8Array> {
  const record = await load(store, GroupRecord, at.group(group))
  if (record === undefined) throw new Error("not a member")
  return record.ownLeaf.credential
}

/** Lets days pass until so many are left before that time. */
function passUntil(server: ClockedServer, daysBefore: number, end: number): void {
  server.passDays((end - server.seconds) / 86_400 - daysBefore)
}

describe("a client", () => {
  test("renews its credential in the last third of its life and publishes packages with the new one", async () => {
    await using server = await ClockedServer.start()
    const person = await register(server, "person")
    const first = await credentialEnd(person.store)
    passUntil(server, 14, first)
    await eventually(async () => (await credentialEnd(person.store)) > first)
    const second = await credentialEnd(person.store)
    await eventually(async () => (await packageEnds(person.store)).every((end) => end === second))
    passUntil(server, -1, first)
    const friend = await register(server, "friend")
    await befriend(friend, person)
    const group = await friend.client.createGroup()
    await group.add(person.user)
    await person.until((p) => p.has("joined"))
    await Promise.all([person, friend].map((p) => p.stop()))
  }, 60_000)

  test("that comes back after its credential ended renews it before it does anything else", async () => {
    await using server = await ClockedServer.start()
    const [person, friend] = [await register(server, "person"), await register(server, "friend")]
    await Promise.all([person, friend].map((p) => p.stop()))
    server.passDays(200)
    await Promise.all([person, friend].map((p) => p.start()))
    await person.client.createGroup()
    expect(await credentialEnd(person.store)).toBeGreaterThan(server.seconds)
    await eventually(async () => {
      return (await packageEnds(friend.store)).every((end) => end > server.seconds)
    })
    await befriend(person, friend)
    await Promise.all([person, friend].map((p) => p.stop()))
  }, 60_000)

  test("that crashes at any write while it renews goes on, and can be reached", async () => {
    await using server = await ClockedServer.start("off")
    const friend = await register(server, "friend")
    for (const afterwards of [false, true]) {
      let crashes = 0
      for (let write = 1; crashes === write - 1; write++) {
        const inner = memoryStore()
        const store = new CrashingStore(inner)
        const person = await register(server, "unlucky", { store })
        const first = await credentialEnd(inner)
        await person.stop()
        passUntil(server, 14, first)
        store.crashIn(write, afterwards)
        await person.start().catch(() => undefined)
        const renewed = async () =>
          (await credentialEnd(inner)) > first && (await packageEnds(inner)).every((end) => end > first)
        await eventually(async () => store.dead || (await renewed()))
        if (store.dead) crashes += 1
        await person.stop().catch(() => undefined)
        store.revive()
        await person.start()
        await eventually(renewed)
        passUntil(server, -1, first)
        await befriend(friend, person)
        await person.stop()
      }
      expect(crashes).toBeGreaterThanOrEqual(5)
    }
    await friend.stop()
  }, 120_000)

  test("sends a request for it that nobody can repeat", async () => {
    await using server = await ClockedServer.start("off")
    const bodies: Uint8Array[] = []
    const recording: Fetch = (url, request) => {
      if (url.pathname === as.renewCredential.path) bodies.push((request.body as Uint8Array).slice())
      return fetch(url, request)
    }
    const person = await register(server, "person", { fetch: recording })
    passUntil(server, 14, await credentialEnd(person.store))
    await eventually(() => bodies.length > 0)
    await person.stop()
    for (const body of bodies) {
      const replay = await post(server.url, as.renewCredential.path, body)
      // What was sent before the last of the days has passed is too old as well.
      expect(replay.status).toBe(403)
      expect(["auth.replayed", "auth.stale"]).toContain(replay.code as string)
    }
  }, 60_000)

  test("renews at once when the intermediate that signed for it is revoked, and others accept it again everywhere", async () => {
    await using server = await ClockedServer.start()
    const people = await Promise.all(["person", "friend", "late"].map((name) => register(server, name)))
    const [person, friend, late] = people as [Person, Person, Person]
    await befriend(person, friend)
    const group = await person.client.createGroup()
    await group.add(friend.user)
    await friend.until((p) => p.has("joined"))
    const [revoked] = server.authority.intermediates as [Uint8Array]
    server.changeAuthority((authority, now) => withNewIntermediate(crypto, authority, DOMAIN, now))
    const { credential: before } = await accountIn(person.store)
    server.changeAuthority((authority) => {
      const revocation = {
        fingerprint: credentialFingerprint(crypto, revoked),
        notAfter: intermediateEnd(revoked),
      }
      return { ...authority, revocations: [revocation] }
    })
    for (const { store } of people)
      await eventually(async () => !equal((await accountIn(store)).credential, before))
    await eventually(async () => {
      return await befriend(person, late).then(
        () => true,
        () => false,
      )
    })
    for (const { store } of [person, friend])
      await eventually(async () =>
        equal(await leafCredential(store, group.id), (await accountIn(store)).credential),
      )
    await eventually(async () => {
      const { credential } = await accountIn(late.store)
      return equal(
        (await load(late.store, PublishedAddPackages, at.addPackages))?.credential ?? before,
        credential,
      )
    })
    await group.add(late.user)
    await late.until((p) => p.has("joined"))
    await Promise.all(people.map((p) => p.stop()))
  }, 60_000)
})
