import { expect, test } from "bun:test"
import { BLOCKED_GROUPS_MAX } from "../../src/limits.ts"
import { decodeClientState, groupHash } from "../../src/qs/client-state.ts"
import { clients, friendships, users, veiledTables } from "../../src/qs/tables.ts"
import type { StoredRow } from "../../src/veil/table.ts"
import { equal } from "../../src/wire/bytes.ts"
import { PUSH_TOKEN_BYTES, sealPushToken } from "../../src/wire/push-token.ts"
import { entropy, windows } from "../queue/bytes.ts"
import { receive, registered } from "./delivery.ts"
import { filesHold, rowsOf, written } from "./files.ts"
import { crypto, type Member, World } from "./world.ts"

/** What the records of clients show to somebody who takes the files, once and more often. */

const DECEMBER = Date.UTC(2026, 11, 7)
const endpoint = new TextEncoder().encode("https://push.example.net/send/a-name-that-tells-who")

async function population(world: World, size: number): Promise<Member[]> {
  return await Promise.all(Array.from({ length: size }, () => registered(world)))
}

function pushToken(): Uint8Array {
  return sealPushToken(crypto, crypto.random(32), endpoint)
}

/** The rows of clients as the files have them, by the clients' ids. */
function shown(world: World): Map<string, StoredRow> {
  const stored = world.store.stored(clients)
  return new Map(world.clientRows().map(({ id }, i) => [id.toHex(), stored[i] as StoredRow]))
}

/** The ids of the clients whose rows differ between two snapshots, in which they have the same names. */
function changedRows(before: Map<string, StoredRow>, after: Map<string, StoredRow>): string[] {
  expect([...after.keys()].sort()).toEqual([...before.keys()].sort())
  return [...after].flatMap(([id, { name, body }]) => {
    const old = before.get(id) as StoredRow
    expect(name).toEqual(old.name)
    if (equal(body, old.body)) return []
    expect(windows(old.body, 8).isDisjointFrom(windows(body, 8))).toBe(true)
    return [id]
  })
}

test("records of clients that block, get pushes or are about to be gone are like all others", async () => {
  await using world = await World.open()
  const members = await population(world, 160)
  const [blocking, pushed, active] = [members.slice(0, 40), members.slice(40, 80), members.slice(80, 120)]
  world.now = DECEMBER
  await world.qs.sweep()
  for (const member of blocking) {
    for (let i = 0; i < BLOCKED_GROUPS_MAX; i++)
      await world.qs.handlers.blockGroup(member.signed({ groupId: crypto.random(16) }))
  }
  for (const member of pushed) {
    const params = { ...member.clientParams(), pushToken: pushToken() }
    await world.qs.handlers.updateClient(member.signed(params))
  }
  for (const member of active) await receive(world, member)
  await written(world)
  const rows = shown(world)
  expect(new Set([...rows.values()].map(({ body }) => body.length)).size).toBe(1)
  for (const group of [blocking, pushed, active, members.slice(120)]) {
    const states = group.map(({ client }) => rows.get(client.toHex())!.body)
    expect(states).toHaveLength(40)
    expect(entropy(states)).toBeGreaterThan(7.98)
    for (let at = 0; at < states[0]!.length; at++)
      expect(new Set(states.map((state) => state[at])).size).toBeGreaterThan(20)
  }
})

test("no record spills to another page", async () => {
  await using world = await World.open()
  await population(world, 3)
  for (const table of [users, friendships, clients]) {
    const [row] = world.store.stored(table) as [StoredRow]
    // SQLite keeps (usable page bytes - 12) * 64 / 255 - 23 bytes of a row without a row id in its page.
    expect(row.name.length + row.body.length + 16).toBeLessThan(((8192 - 12) * 64) / 255 - 23)
  }
})

test("a blocked group is not found in the files, neither by its name nor by any hash that its name gives", async () => {
  await using world = await World.open()
  const [member] = (await population(world, 2)) as [Member]
  const groupId = crypto.random(16)
  await world.qs.handlers.blockGroup(member.signed({ groupId }))
  const { blockSalt, blocked } = world
    .clientRows()
    .map((row) => decodeClientState(row.state))
    .find((state) => state.blocked.length > 0)!
  expect(blocked).toEqual([groupHash(crypto, blockSalt, groupId)])
  for (const secret of [groupId, blockSalt, blocked[0]!]) expect(await filesHold(world, secret)).toBe(false)
})

test("a push token is in the files neither as it was given nor opened, and nothing is left of one that was replaced", async () => {
  await using world = await World.open()
  const [member] = (await population(world, 1)) as [Member]
  const tokens = [pushToken(), pushToken()] as const
  expect(tokens[0].length).toBe(PUSH_TOKEN_BYTES)
  for (const token of tokens) {
    const [{ body: before }] = world.store.stored(clients) as [StoredRow]
    await world.qs.handlers.updateClient(member.signed({ ...member.clientParams(), pushToken: token }))
    await written(world)
    for (const secret of [token.subarray(0, 16), token.subarray(200, 216), endpoint, before.subarray(0, 16)])
      expect(await filesHold(world, secret)).toBe(false)
  }
})

test("two snapshots of one month show that a client was seen, or changed something, and not which", async () => {
  await using world = await World.open()
  const members = await population(world, 12)
  world.now = DECEMBER
  await world.qs.sweep()
  const [seen, blocks, unblocks, pushes] = members as [Member, Member, Member, Member]
  const groupId = crypto.random(16)
  await world.qs.handlers.blockGroup(unblocks.signed({ groupId }))
  await written(world)

  const first = shown(world)
  await receive(world, seen)
  await world.qs.handlers.blockGroup(blocks.signed({ groupId }))
  await world.qs.handlers.unblockGroup(unblocks.signed({ groupId }))
  const params = { ...pushes.clientParams(), pushToken: pushToken() }
  await world.qs.handlers.updateClient(pushes.signed(params))
  await written(world)
  const second = shown(world)
  const ids = [seen, blocks, unblocks, pushes].map(({ client }) => client.toHex())
  expect(changedRows(first, second).sort()).toEqual(ids.sort())

  for (let visit = 0; visit < 5; visit++) await receive(world, seen)
  await world.qs.handlers.blockGroup(blocks.signed({ groupId }))
  await world.qs.sweep()
  await written(world)
  expect(changedRows(second, shown(world))).toEqual([])
})

test("once a pass was made no row is under its name, that of a client that changed something nor that of another", async () => {
  await using world = await World.open()
  const members = await population(world, 70)
  const [blocks, gone] = members as [Member, Member]
  for (const member of members) {
    await world.qs.handlers.publishAddPackages(member.signed({ addPackages: member.addPackages(world, 1) }))
  }
  const all = () => veiledTables.map((table) => world.store.stored(table))
  const before = all()
  const groupId = crypto.random(16)
  await world.qs.handlers.blockGroup(blocks.signed({ groupId }))
  await world.store.pass([world.engine.renewal])
  const after = all()
  expect(after.map((rows) => rows.length)).toEqual([70, 70, 70, 70, 140])
  const known = windows(Buffer.concat(before.flat().flatMap(({ name, body }) => [name, body])), 16)
  const now = windows(Buffer.concat(after.flat().flatMap(({ name, body }) => [name, body])), 16)
  expect(now.isDisjointFrom(known)).toBe(true)
  await world.qs.handlers.unblockGroup(blocks.signed({ groupId }))
  await world.qs.handlers.deleteClient(gone.signed({}))
  expect(all().map((rows) => rows.length)).toEqual([69, 69, 69, 69, 138])
})

test("after a sweep every record has changed, that of clients that were seen and that of those that were not", async () => {
  await using world = await World.open()
  const members = await population(world, 100)
  let before = shown(world)
  for (const month of [11, 12, 13]) {
    world.now = Date.UTC(2026, month, 7)
    for (const member of members.slice(0, 10 * (month - 10))) await receive(world, member)
    await world.qs.sweep()
    await written(world)
    const after = shown(world)
    expect(changedRows(before, after)).toHaveLength(100)
    before = after
  }
})

test("a rotated friendship token changes the user's two rows and nothing else", async () => {
  await using world = await World.open()
  const members = await population(world, 6)
  const [member] = members as [Member]
  const before = {
    users: rowsOf(world, users),
    clients: world.clientRows(),
    tokens: rowsOf(world, friendships),
  }
  const friendshipTokenHash = crypto.sha256(crypto.random(32))
  const { userAuthKey } = member.registration()
  await world.qs.handlers.updateUser(member.signedAsUser({ userAuthKey, friendshipTokenHash }))
  const isOwn = (id: Uint8Array) => equal(id, member.user)
  const own = { ...before.users.find(({ id }) => isOwn(id))!, token_hash: friendshipTokenHash }
  expect(rowsOf(world, users)).toEqual(before.users.map((row) => (isOwn(row.id) ? own : row)))
  const tokens = rowsOf(world, friendships)
  expect(tokens.filter(({ user_id }) => !isOwn(user_id))).toEqual(
    before.tokens.filter(({ user_id }) => !isOwn(user_id)),
  )
  expect(tokens.filter(({ user_id }) => isOwn(user_id))).toEqual([
    { token_hash: friendshipTokenHash, user_id: member.user },
  ])
  expect(world.clientRows()).toEqual(before.clients)
})
