import { expect, test } from "bun:test"
import { BLOCKED_GROUPS_MAX } from "../../src/limits.ts"
import { ClientStates, groupHash } from "../../src/qs/client-state.ts"
import { type ClientRow, friendships, users } from "../../src/qs/tables.ts"
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

/** The ids of the rows that differ between two snapshots, which hold the same clients. */
function changedRows(before: readonly ClientRow[], after: readonly ClientRow[]): string[] {
  expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id))
  const changed = after.filter((row, i) => Buffer.compare(row.state, before[i]!.state) !== 0)
  for (const row of changed) {
    const old = before.find(({ id }) => Buffer.compare(id, row.id) === 0)!
    expect(windows(old.state, 8).isDisjointFrom(windows(row.state, 8))).toBe(true)
    expect({ ...row, state: old.state }).toEqual(old)
  }
  return changed.map(({ id }) => id.toHex())
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
  const rows = world.clientRows()
  expect(new Set(rows.map(({ state }) => state.length)).size).toBe(1)
  for (const group of [blocking, pushed, active, members.slice(120)]) {
    const ids = new Set(group.map(({ client }) => client.toHex()))
    const states = rows.filter(({ id }) => ids.has(id.toHex())).map(({ state }) => state)
    expect(states).toHaveLength(40)
    expect(entropy(states)).toBeGreaterThan(7.98)
    for (let at = 0; at < states[0]!.length; at++)
      expect(new Set(states.map((state) => state[at])).size).toBeGreaterThan(20)
  }
  for (const row of rows) expect(Object.values(row).every((value) => value instanceof Uint8Array)).toBe(true)
})

test("no record spills to another page", async () => {
  await using world = await World.open()
  await population(world, 3)
  const [row] = world.clientRows()
  const bytes = Object.values(row!).reduce((sum, { length }) => sum + length, 0)
  // SQLite keeps (usable page bytes - 12) * 64 / 255 - 23 bytes of a row without a row id in its page.
  expect(bytes + 32).toBeLessThan(((8192 - 12) * 64) / 255 - 23)
})

test("a blocked group is not found in the files, neither by its name nor by any hash that its name gives", async () => {
  await using world = await World.open()
  const [member] = (await population(world, 2)) as [Member]
  const groupId = crypto.random(16)
  await world.qs.handlers.blockGroup(member.signed({ groupId }))
  const states = new ClientStates(crypto, world.secrets.slotKeys, 3)
  const { blockSalt, blocked } = world
    .clientRows()
    .map((row) => states.open(row))
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
    const before = world.clientRows()[0]!.state
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

  const first = world.clientRows()
  await receive(world, seen)
  await world.qs.handlers.blockGroup(blocks.signed({ groupId }))
  await world.qs.handlers.unblockGroup(unblocks.signed({ groupId }))
  const params = { ...pushes.clientParams(), pushToken: pushToken() }
  await world.qs.handlers.updateClient(pushes.signed(params))
  await written(world)
  const second = world.clientRows()
  const ids = [seen, blocks, unblocks, pushes].map(({ client }) => client.toHex())
  expect(changedRows(first, second).sort()).toEqual(ids.sort())

  for (let visit = 0; visit < 5; visit++) await receive(world, seen)
  await world.qs.handlers.blockGroup(blocks.signed({ groupId }))
  await world.qs.sweep()
  await written(world)
  expect(changedRows(second, world.clientRows())).toEqual([])
})

test("once all were sealed anew every record has changed, that of clients that changed something and that of others", async () => {
  await using world = await World.open()
  const members = await population(world, 70)
  const before = world.clientRows()
  const [blocks] = members as [Member]
  const groupId = crypto.random(16)
  await world.qs.handlers.blockGroup(blocks.signed({ groupId }))
  await world.qs.sealAnew()
  await written(world)
  expect(changedRows(before, world.clientRows())).toHaveLength(70)
  await world.qs.handlers.unblockGroup(blocks.signed({ groupId }))
})

test("after a sweep every record has changed, that of clients that were seen and that of those that were not", async () => {
  await using world = await World.open()
  const members = await population(world, 100)
  let before = world.clientRows()
  for (const month of [11, 12, 13]) {
    world.now = Date.UTC(2026, month, 7)
    for (const member of members.slice(0, 10 * (month - 10))) await receive(world, member)
    await world.qs.sweep()
    await written(world)
    const after = world.clientRows()
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
  const own = { id: member.user, auth_key: userAuthKey, token_hash: friendshipTokenHash }
  const isOwn = (id: Uint8Array) => Buffer.compare(id, member.user) === 0
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
