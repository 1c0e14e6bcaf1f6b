import { Database } from "bun:sqlite"
import { describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Value } from "@sinclair/typebox/value"
import { clients, profiles } from "../../src/as/tables.ts"
import { PROFILE_BYTES } from "../../src/limits.ts"
import { asMigrations } from "../../src/migrations.ts"
import { put } from "../../src/store/database.ts"
import { openStore } from "../../src/store/open.ts"
import { as } from "../../src/wire/as.ts"
import { toHex } from "../../src/wire/bytes.ts"
import { crypto, type TestClient } from "./fixtures.ts"
import { problemOf, signed, World } from "./world.ts"

async function fetchProfile(world: World, user: Uint8Array): Promise<Uint8Array> {
  return (await world.service.handlers.fetchUserProfile({ user })).profile
}

function update(world: World, client: Pick<TestClient, "clientId" | "seed">, profile: Uint8Array) {
  return world.service.handlers.updateUserProfile(signed(as.updateUserProfile, client, { profile }))
}

describe("a user's profile", () => {
  test("is there from registration on, random until it is set, and always of one size", async () => {
    await using world = await World.open()
    const [ada, ben] = [await world.register(), await world.register()]
    const unset = [await fetchProfile(world, ada.user), await fetchProfile(world, ben.user)]
    expect(toHex(unset[0]!)).not.toBe(toHex(unset[1]!))
    const profile = crypto.random(PROFILE_BYTES)
    await update(world, ada, profile)
    await world.restart()
    expect(await fetchProfile(world, ada.user)).toEqual(profile)
    expect(await fetchProfile(world, ben.user)).toEqual(unset[1]!)
    const rows = world.store.list(profiles, {}, 100)
    expect(rows.length).toBe(16)
    expect(new Set(rows.map(({ body }) => body.length)).size).toBe(1)
    for (const body of [...unset, ...rows.map((row) => row.body)]) {
      // Of 1024 random bytes and more, nearly all values come.
      expect(new Set(body).size).toBeGreaterThan(230)
    }
  })

  test("that is replaced is gone from the files", async () => {
    await using world = await World.open()
    const ada = await world.register()
    const [unset, first, second] = [
      await fetchProfile(world, ada.user),
      crypto.random(PROFILE_BYTES),
      crypto.random(PROFILE_BYTES),
    ]
    await update(world, ada, first)
    expect(world.files().includes(first.subarray(0, 1024))).toBe(true)
    await update(world, ada, second)
    const files = world.files()
    for (let at = 0; at < PROFILE_BYTES; at += 64) {
      expect(files.includes(unset.subarray(at, at + 16))).toBe(false)
      expect(files.includes(first.subarray(at, at + 16))).toBe(false)
    }
    expect(files.includes(second.subarray(7168))).toBe(true)
  })

  test("is set by its user's client alone", async () => {
    await using world = await World.open()
    const [ada, ben, pending] = [await world.register(), await world.register(), await world.init()]
    const before = await fetchProfile(world, ada.user)
    const profile = crypto.random(PROFILE_BYTES)
    for (const sender of [
      { ...ada, seed: ben.seed },
      pending,
      { clientId: crypto.random(32), seed: ada.seed },
    ]) {
      expect(await problemOf(update(world, sender, profile))).toBe("auth.refused")
    }
    expect(await fetchProfile(world, ada.user)).toEqual(before)
    for (const user of [crypto.random(16), pending.clientId.subarray(0, 16)]) {
      expect(await problemOf(fetchProfile(world, user))).toBe("as.unknown-user")
    }
  })

  test("has no other size", () => {
    const { params } = as.updateUserProfile
    expect(Value.Check(params, { profile: new Uint8Array(PROFILE_BYTES) })).toBe(true)
    for (const length of [0, PROFILE_BYTES - 1, PROFILE_BYTES + 1]) {
      expect(Value.Check(params, { profile: new Uint8Array(length) })).toBe(false)
    }
  })
})

/** How many migrations come before that of profiles. */
const PROFILES_MIGRATION = 4

test("users of a database from before there were profiles get random ones", async () => {
  const directory = mkdtempSync(join(tmpdir(), "cinder-as-"))
  const file = join(directory, "as.sqlite")
  const before = await openStore({ file, migrations: asMigrations.slice(0, PROFILES_MIGRATION) })
  const users = [crypto.random(16), crypto.random(16)]
  const effects = users.map((user) =>
    put(clients, { user, client: crypto.random(16), credential: crypto.random(300) }),
  )
  await before.writer.submit({ expects: [], effects: () => effects })
  await before.close()
  const after = await openStore({ file, migrations: asMigrations })
  for (const user of users) {
    const parts = after.list(profiles, { user }, 10)
    expect(parts.map(({ part }) => part)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(parts.every(({ body }) => body.length === 1024)).toBe(true)
  }
  await after.close()
  const database = new Database(file)
  expect(database.query("SELECT COUNT(DISTINCT body) AS bodies FROM as_profile").get()).toEqual({
    bodies: 16,
  })
  database.close()
  rmSync(directory, { recursive: true })
})
