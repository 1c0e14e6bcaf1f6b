import { expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { deliveryMigrations } from "../../src/migrations.ts"
import { clients, friendships, userClients, users } from "../../src/qs/tables.ts"
import { defineTable, put } from "../../src/store/database.ts"
import { type OpenedStore, openStore } from "../../src/store/open.ts"
import { registered } from "./delivery.ts"
import { written } from "./files.ts"
import { crypto, type Member, World } from "./world.ts"

type OldUser = { id: Uint8Array; auth_key: Uint8Array }
type OldClient = { id: Uint8Array; user_id: Uint8Array; auth_key: Uint8Array }
const oldUsers = defineTable<OldUser>("qs_user", ["id"], ["id", "auth_key"])
const oldClients = defineTable<OldClient>("qs_client", ["id"], ["id", "user_id", "auth_key"])

async function openAt(file: string, version: number): Promise<OpenedStore> {
  return await openStore({ file, migrations: deliveryMigrations.slice(0, version) })
}

test("users and clients from before their records could change are found, seen and swept like others", async () => {
  const directory = mkdtempSync(join(tmpdir(), "cinder-upgrade-"))
  const file = join(directory, "delivery.sqlite")
  const rows = Array.from({ length: 500 }, () => ({
    user: { id: crypto.random(16), auth_key: crypto.random(32) },
    token_hash: crypto.random(32),
    client: { id: crypto.random(16), auth_key: crypto.random(32) },
  }))
  const old = await openAt(file, 2)
  await old.writer.submit({
    expects: [],
    effects: () =>
      rows.flatMap(({ user, client, token_hash }) => [
        put(oldUsers, user),
        put(friendships, { token_hash, user_id: user.id }),
        put(oldClients, { ...client, user_id: user.id }),
        put(userClients, { user_id: user.id, client_id: client.id }),
      ]),
  })
  await old.close()

  const store = await openAt(file, deliveryMigrations.length)
  expect(store.list(users, {}, 1000)).toHaveLength(500)
  for (const { user, client, token_hash } of rows) {
    expect(store.get(users, { id: user.id })).toEqual({ ...user, token_hash })
    const state = new Uint8Array(0)
    expect(store.get(clients, { id: client.id })).toEqual({ ...client, user_id: user.id, state })
  }
  await store.close()
  rmSync(directory, { recursive: true })
})

test("a record without a state gets one with the first visit, or with the sweep", async () => {
  await using world = await World.open()
  const members = (await Promise.all([1, 2, 3].map(() => registered(world)))) as [Member, Member, Member]
  const [visitor, blocker] = members
  await world.store.writer.submit({
    expects: [],
    effects: () => world.clientRows().map((row) => put(clients, { ...row, state: new Uint8Array(0) })),
  })
  const lengths = () => members.map(({ client }) => world.store.get(clients, { id: client })!.state.length)
  expect(lengths()).toEqual([0, 0, 0])
  expect((await world.qs.handlers.getClient(visitor.signed({}))).blockedGroups).toBe(0)
  await world.qs.handlers.blockGroup(blocker.signed({ groupId: crypto.random(16) }))
  await written(world)
  expect(lengths()[2]).toBe(0)
  await world.qs.sweep()
  expect(new Set(lengths()).size).toBe(1)
})
