import { describe, expect, test } from "bun:test"
import { clientRevocation, userRevocation, withRevocation } from "../../src/config/authority/revocation.ts"
import { makeAuthority, withNewRoot } from "../../src/config/authority/rotation.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { toHex } from "../../src/wire/bytes.ts"
import { credentialFingerprint } from "../../src/wire/revocation.ts"
import { ClockedServer, DOMAIN, eventually, register } from "./clocked-server.ts"
import { befriend, type Person } from "./people.ts"
import { accountIn, anchorsIn, packageEnds } from "./stored.ts"

const fingerprints = (roots: readonly Uint8Array[]) =>
  roots.map((root) => toHex(credentialFingerprint(crypto, root)))

function revokeUser(server: ClockedServer, user: string): void {
  server.changeAuthority((authority, now) =>
    withRevocation(crypto, authority, userRevocation(crypto, user, DOMAIN, now), now),
  )
}

describe("a revoked client", () => {
  test("is told, and refused by everybody: when they connect, add it, or are to join where it is", async () => {
    await using server = await ClockedServer.start()
    const people = await Promise.all(["a", "b", "c", "outsider"].map((name) => register(server, name)))
    const [a, b, c, outsider] = people as [Person, Person, Person, Person]
    await befriend(a, b)
    await befriend(a, c)
    const group = await a.client.createGroup()
    await group.add(b.user)
    await b.until((person) => person.has("joined"))
    const other = await c.client.createGroup()

    revokeUser(server, b.user)
    await b.until((person) => person.has("revoked"))
    for (const { store } of [a, c, outsider])
      await eventually(async () => (await anchorsIn(store)).revoked.length > 0)
    expect(group.members().map(({ user, revoked }) => [user, revoked])).toEqual([
      [a.user, false],
      [b.user, true],
    ])
    await expect(outsider.client.connect(b.user)).rejects.toMatchObject({ code: "as.no-connection-package" })
    await expect(b.client.pollConnectionRequests()).rejects.toMatchObject({ code: "auth.refused" })

    // c refuses the Welcome into a group where b is, and b itself.
    await group.add(c.user)
    await expect(a.client.createGroup().then((fresh) => fresh.add(b.user))).rejects.toMatchObject({
      code: "client.invalid",
    })
    await group.remove(c.user)
    await group.remove(b.user)
    await group.add(c.user)
    await c.until((person) => person.has("joined"))
    expect(
      c.client
        .group(group.id)
        .members()
        .map(({ user }) => user),
    ).toEqual([a.user, c.user])
    expect(c.client.groups().map(({ id }) => id)).toContain(other.id)
    expect(c.events.filter(({ type }) => type === "joined")).toHaveLength(1)
    expect(b.events.filter(({ type }) => type === "revoked")).toHaveLength(1)
    await Promise.all(people.map((person) => person.stop()))
  }, 60_000)

  test("cannot ask others to connect with a request that it made before they knew", async () => {
    await using server = await ClockedServer.start()
    const [victim, thief] = [await register(server, "victim"), await register(server, "thief")]
    await thief.client.connect(victim.user)
    const { clientId } = await accountIn(thief.store)
    server.changeAuthority((authority, now) =>
      withRevocation(crypto, authority, clientRevocation(crypto, toHex(clientId), now), now),
    )
    await thief.until((person) => person.has("revoked"))
    await victim.restart()
    await eventually(async () => (await anchorsIn(victim.store)).revoked.length > 0)
    await victim.client.pollConnectionRequests()
    expect(victim.events).toEqual([])
    await Promise.all([victim, thief].map((person) => person.stop()))
  }, 60_000)
})

describe("a new root", () => {
  test("that the old one vouches for is trusted without a question", async () => {
    await using server = await ClockedServer.start()
    const old = await register(server, "old")
    server.changeAuthority((authority, now) => withNewRoot(crypto, authority, DOMAIN, now))
    const young = await register(server, "young")
    await befriend(old, young)
    expect(old.client.roots()).toEqual(
      fingerprints(server.authority.roots).map((fingerprint) => ({ fingerprint, trusted: true })),
    )
    expect(old.has("unknown-root")).toBe(false)
    await Promise.all([old, young].map((person) => person.stop()))
  }, 60_000)

  test("that nobody vouches for is told once, and trusted only when the user says so", async () => {
    await using server = await ClockedServer.start()
    const old = await register(server, "old")
    const [first] = fingerprints(server.authority.roots)
    // Somebody took over the domain: the AS shows its own root, beside the old one.
    server.changeAuthority((authority, now) => {
      const stranger = makeAuthority(crypto, DOMAIN, now)
      const roots = [...authority.roots, ...stranger.roots]
      return { ...stranger, roots, intermediates: [...authority.intermediates, ...stranger.intermediates] }
    })
    const [, second] = fingerprints(server.authority.roots) as [string, string]
    const young = await register(server, "young")
    await expect(old.client.connect(young.user)).rejects.toMatchObject({ code: "client.unknown-root" })
    await old.until((person) => person.has("unknown-root"))
    expect(old.events).toMatchObject([{ type: "unknown-root", fingerprints: [second] }])
    expect(old.client.roots()).toEqual([
      { fingerprint: first as string, trusted: true },
      { fingerprint: second, trusted: false },
    ])
    await old.restart()
    await expect(old.client.trustRoots(["00".repeat(32)])).rejects.toMatchObject({ code: "client.invalid" })
    await expect(old.client.connect(young.user)).rejects.toMatchObject({ code: "client.unknown-root" })
    await old.client.trustRoots([second])
    await old.restart()
    expect(old.client.roots().map(({ trusted }) => trusted)).toEqual([true, true])
    await befriend(old, young)
    expect(old.events.filter(({ type }) => type === "unknown-root")).toHaveLength(1)
    await Promise.all([old, young].map((person) => person.stop()))
  }, 60_000)

  test("instead of the pinned one does not get a client to take a credential from it", async () => {
    await using server = await ClockedServer.start()
    const person = await register(server, "person")
    const before = (await accountIn(person.store)).credential
    server.changeAuthority((_, now) => makeAuthority(crypto, DOMAIN, now))
    await person.until((p) => p.has("unknown-root"))
    await expect(person.client.connect(person.user.replace(/^./, "f"))).rejects.toThrow()
    expect((await accountIn(person.store)).credential).toEqual(before)
    expect(person.client.roots().map(({ trusted }) => trusted)).toEqual([true, false])
    await person.stop()
  }, 60_000)
})

describe("a safety number", () => {
  test("is the same on both sides, for contacts and members, and stays when a credential is renewed", async () => {
    await using server = await ClockedServer.start()
    const [a, b] = [await register(server, "a"), await register(server, "b")]
    expect(() => a.client.safetyNumber(b.user)).toThrow("client.unknown-contact")
    expect(() => a.client.safetyNumber(a.user)).toThrow("client.unknown-contact")
    await befriend(a, b)
    const number = a.client.safetyNumber(b.user)
    expect(number).toMatch(/^\d{60}$/)
    expect(b.client.safetyNumber(a.user)).toBe(number)
    server.passDays(200)
    await eventually(async () => {
      const ends = await Promise.all([a, b].map(({ store }) => packageEnds(store)))
      return ends.flat().every((end) => end > server.seconds)
    })
    const group = await a.client.createGroup()
    // In so many days the friendship is rotated too, and the other has to hear of it before.
    await eventually(() =>
      group.add(b.user).then(
        () => true,
        () => false,
      ),
    )
    await b.until((person) => person.has("joined"))
    expect([a.client.safetyNumber(b.user), b.client.safetyNumber(a.user)]).toEqual([number, number])
    await Promise.all([a, b].map((person) => person.stop()))
  }, 60_000)
})
