import { expect, test } from "bun:test"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { RecordPadding } from "../../src/ds/record-padding.ts"
import { GroupRecords } from "../../src/ds/records.ts"
import type { TsMember } from "../mls/ts-member.ts"
import { add, adding, byKeyPackage, byLeaf, createGroup, newClient, removing, updating } from "./group.ts"
import { contents, overwrite, rowsOf } from "./rows.ts"
import { refusalOf, START, World } from "./world.ts"

test("a message writes nothing of the group once its members have tickets, until the month changes", async () => {
  await using world = await World.start()
  const { member: alice, group } = await createGroup(world, "alice")
  await add(world, group, alice, [await newClient(world, "bob"), await newClient(world, "carol")])
  const send = async () =>
    world.call("sendMessage", byLeaf(alice), { ...group, message: await alice.encrypt("hello") })
  const before = contents(world.store)
  world.fanout.configsOpened = 0
  await send()
  await send()
  expect(contents(world.store)).toBe(before)
  expect(world.fanout.configsOpened).toBe(0)

  const rows = rowsOf(world.store, group.groupId)
  world.now = START + 32 * 86_400_000
  await send()
  const nextMonth = rowsOf(world.store, group.groupId)
  expect(nextMonth).toEqual({ ...rows, group: { ...rows.group, month: rows.group.month + 1 } })
  expect(world.take("bob").filter(({ type }) => type === "mls")).toHaveLength(3)
})

test("new tickets are kept in the head, and the tree is not touched", async () => {
  await using world = await World.start()
  const { member: alice, group } = await createGroup(world, "alice")
  await add(world, group, alice, [await newClient(world, "bob")])
  world.fanout.rotateTickets()
  const before = rowsOf(world.store, group.groupId)
  const messages: Uint8Array[] = []
  for (let i = 0; i < 4; i++) messages.push(await alice.encrypt(`message ${i}`))
  await Promise.all(
    messages.map((message) => world.call("sendMessage", byLeaf(alice), { ...group, message })),
  )
  const after = rowsOf(world.store, group.groupId)
  expect(after.head).not.toEqual(before.head)
  expect(after.tree).toEqual(before.tree)
  expect(world.take("bob")).toHaveLength(4)
  world.fanout.configsOpened = 0
  await world.call("sendMessage", byLeaf(alice), { ...group, message: await alice.encrypt("hello") })
  expect(world.fanout.configsOpened).toBe(0)
})

test("messages at once do not hold each other up by the tickets they want to keep", async () => {
  await using world = await World.start()
  const { member: alice, group } = await createGroup(world, "alice")
  await add(world, group, alice, [await newClient(world, "bob")])
  world.fanout.forgetful = true
  const messages: Uint8Array[] = []
  for (let i = 0; i < 20; i++) messages.push(await alice.encrypt(`message ${i}`))
  await Promise.all(
    messages.map((message) => world.call("sendMessage", byLeaf(alice), { ...group, message })),
  )
  expect(world.take("bob")).toHaveLength(20)
})

test("a full queue refuses the whole message, a queue that is gone is passed over", async () => {
  await using world = await World.start()
  const { member: alice, group } = await createGroup(world, "alice")
  const [bob] = (await add(world, group, alice, [
    await newClient(world, "bob"),
    await newClient(world, "carol"),
  ])) as [TsMember]
  world.take("carol")
  const before = contents(world.store)
  world.fanout.full.add("bob")
  const message = await alice.encrypt("hello")
  const refusal = await refusalOf(world.call("sendMessage", byLeaf(alice), { ...group, message }))
  expect(refusal.code).toBe("queue.full")
  const { params } = await updating(group, alice)
  expect((await refusalOf(world.call("updateClient", byLeaf(alice), params))).code).toBe("queue.full")
  expect(contents(world.store)).toBe(before)
  expect(world.take("carol")).toEqual([])
  world.fanout.full.clear()
  world.fanout.gone.add("bob")
  await world.call("sendMessage", byLeaf(alice), { ...group, message })
  expect(world.take("carol")).toHaveLength(1)
  expect(bob.epoch).toBe(1n)
})

test("head and tree are only accepted as they were written together", async () => {
  await using world = await World.start()
  const { member: alice, group } = await createGroup(world, "alice")
  const [bob] = (await add(world, group, alice, [await newClient(world, "bob")])) as [TsMember]
  const old = rowsOf(world.store, group.groupId)
  const update = await updating(group, alice)
  await world.call("updateClient", byLeaf(alice), update.params)
  update.pending.accept()
  const now = rowsOf(world.store, group.groupId)
  const { head_salt, head_commitment } = old.group
  const { tree_salt, tree_commitment } = old.group

  const withOldHead = { ...now, group: { ...now.group, head_salt, head_commitment }, head: old.head }
  const withOldTree = { ...now, group: { ...now.group, tree_salt, tree_commitment }, tree: old.tree }
  const next = await updating(group, alice)
  for (const rows of [withOldHead, withOldTree]) {
    await overwrite(world.store, rows)
    const before = contents(world.store)
    const reads = await refusalOf(world.ask("externalCommitInfo", group))
    expect(reads.code).toBe("server.internal")
    const writes = await refusalOf(world.call("updateClient", byLeaf(alice), next.params))
    expect(writes.code).toBe("server.internal")
    expect(contents(world.store)).toBe(before)
  }
  await overwrite(world.store, withOldHead)
  const send = world.call("sendMessage", byLeaf(alice), { ...group, message: await alice.encrypt("hello") })
  expect((await refusalOf(send)).code).toBe("ds.wrong-epoch")

  await overwrite(world.store, now)
  await world.call("updateClient", byLeaf(alice), next.params)
  expect(bob.epoch).toBe(1n)
})

test("records of another group with the same key are refused", async () => {
  await using world = await World.start()
  const first = await createGroup(world, "alice")
  const own = rowsOf(world.store, first.group.groupId)
  const second = await createGroup(world, "bob")
  const foreign = rowsOf(world.store, second.group.groupId)
  const key = { group_id: first.group.groupId }
  await overwrite(world.store, {
    group: { ...foreign.group, ...key },
    head: { ...foreign.head, ...key },
    tree: { ...foreign.tree, ...key },
  })
  const moved = { groupId: first.group.groupId, earKey: second.group.earKey }
  expect((await refusalOf(world.ask("externalCommitInfo", moved))).code).toBe("auth.refused")
  const { head_salt, head_commitment } = own.group
  const head = { ...foreign.group, ...key, head_salt, head_commitment }
  await overwrite(world.store, { group: head, head: own.head, tree: { ...foreign.tree, ...key } })
  expect((await refusalOf(world.ask("externalCommitInfo", first.group))).code).toBe("server.internal")
})

test("damage to any byte of a record is noticed", async () => {
  await using world = await World.start()
  const { group } = await createGroup(world, "alice")
  const rows = rowsOf(world.store, group.groupId)
  const flip = (bytes: Uint8Array, at: number) => bytes.map((byte, i) => (i === at ? byte ^ 0x80 : byte))
  for (const column of ["head_salt", "head_commitment", "tree_salt", "tree_commitment"] as const) {
    await overwrite(world.store, { ...rows, group: { ...rows.group, [column]: flip(rows.group[column], 7) } })
    const { code } = await refusalOf(world.ask("externalCommitInfo", group))
    expect([column, code]).toEqual([column, column.startsWith("head") ? "auth.refused" : "server.internal"])
  }
  for (const at of [0, 5, 2000, rows.head.ciphertext.length - 1]) {
    const head = { ...rows.head, ciphertext: flip(rows.head.ciphertext, at) }
    await overwrite(world.store, { ...rows, head })
    expect((await refusalOf(world.ask("externalCommitInfo", group))).code).toBe("auth.refused")
    const tree = { ...rows.tree, ciphertext: flip(rows.tree.ciphertext, at) }
    await overwrite(world.store, { ...rows, tree })
    expect((await refusalOf(world.ask("externalCommitInfo", group))).code).toBe("server.internal")
  }
})

test("sizes at rest are padded, and nothing written tells what is inside", async () => {
  await using world = await World.start()
  const { member: alice, group } = await createGroup(world, "alice")
  const single = rowsOf(world.store, group.groupId)
  await add(world, group, alice, [await newClient(world, "bob")])
  const pair = rowsOf(world.store, group.groupId)
  for (const record of ["head", "tree"] as const) {
    expect(pair[record].ciphertext.length).toBe(single[record].ciphertext.length)
    expect(Math.log2((pair[record].ciphertext.length - 20) / 4096) % 1).toBe(0)
  }
  const text = Buffer.concat([pair.head.ciphertext, pair.tree.ciphertext]).toString("latin1")
  for (const secret of ["alice", "bob", "example.org", "encrypted credential"]) {
    expect(text).not.toContain(secret)
  }
  expect(Object.keys(pair.group).sort()).toEqual([
    "group_id",
    "head_commitment",
    "head_salt",
    "month",
    "tree_commitment",
    "tree_salt",
  ])
  for (const column of ["head_salt", "head_commitment", "tree_salt", "tree_commitment"] as const) {
    expect(pair.group[column]).not.toEqual(single.group[column])
  }
})

test("the key of a request is overwritten when it ends, refused or not", async () => {
  await using world = await World.start()
  const { group } = await createGroup(world, "alice")
  const right = { groupId: group.groupId, earKey: group.earKey.slice() }
  await world.handlers.externalCommitInfo(right)
  expect(right.earKey).toEqual(new Uint8Array(32))
  const wrong = { groupId: group.groupId, earKey: nativeCrypto.random(32) }
  await refusalOf(world.handlers.externalCommitInfo(wrong))
  expect(wrong.earKey).toEqual(new Uint8Array(32))
})

test("what was opened for a request is overwritten when it is closed", async () => {
  await using world = await World.start()
  const { member: alice, group } = await createGroup(world, "alice")
  await add(world, group, alice, [await newClient(world, "bob")])
  const records = new GroupRecords(world.store, nativeCrypto, new RecordPadding(world.padding))
  const head = records.openHead(group)
  if (head === undefined) throw new Error("the head does not open")
  const tree = records.openTree(head, group)
  const held = [
    head.value.leaves[1]?.queueConfig,
    head.value.state.context.treeHash,
    tree.value.tree.leafBytes(1),
    tree.value.credentials[0],
  ]
  for (const bytes of held) expect(bytes?.some((byte) => byte !== 0)).toBe(true)
  head.wipe()
  tree.wipe()
  for (const bytes of held) expect(bytes?.every((byte) => byte === 0)).toBe(true)
})

test("a joiner's past tree is dropped when it commits", async () => {
  await using world = await World.start()
  const { member: alice, group } = await createGroup(world, "alice")
  const who = await newClient(world, "bob")
  const [bob] = (await add(world, group, alice, [who])) as [TsMember]
  const ask = () => world.call("welcomeInfo", byKeyPackage(who), { ...group, epoch: 1 })
  await ask()
  const { params } = await updating(group, bob)
  await world.call("updateClient", byLeaf(bob), params)
  expect((await refusalOf(ask())).code).toBe("auth.refused")
})

test("what joiners needed is dropped when they are removed or come too late", async () => {
  await using world = await World.start()
  const { member: alice, group } = await createGroup(world, "alice")
  const who = [await newClient(world, "bob"), await newClient(world, "carol"), await newClient(world, "dave")]
  const { pending, params } = await adding(group, alice, who)
  await world.call("addUsers", byLeaf(alice), params)
  pending.accept()
  const asks = who.map(
    (joiner) => () => world.call("welcomeInfo", byKeyPackage(joiner), { ...group, epoch: 1 }),
  )
  const [bob, carol, dave] = asks as [() => Promise<unknown>, () => Promise<unknown>, () => Promise<unknown>]
  await Promise.all([bob(), carol(), dave()])

  const removal = await removing(group, alice, [1])
  await world.call("removeUsers", byLeaf(alice), removal.params)
  removal.pending.accept()
  expect((await refusalOf(bob())).code).toBe("auth.refused")
  await carol()
  world.now += 91 * 86_400_000
  const late = await updating(group, alice)
  await world.call("updateClient", byLeaf(alice), late.params)
  expect((await refusalOf(carol())).code).toBe("auth.refused")
  expect((await refusalOf(dave())).code).toBe("auth.refused")
})
