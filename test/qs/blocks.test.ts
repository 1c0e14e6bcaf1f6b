import { expect, test } from "bun:test"
import { BLOCKED_GROUPS_MAX } from "../../src/limits.ts"
import { BlockLists } from "../../src/qs/block-lists.ts"
import { decodeClientState } from "../../src/qs/client-state.ts"
import { encodeQueueMessage } from "../../src/wire/queue-message.ts"
import { deliverTo, messageOf, receive, registered, resolve, send } from "./delivery.ts"
import { crypto, type Member, World } from "./world.ts"

const [wanted, unwanted] = [crypto.random(16), crypto.random(16)]

function block(world: World, member: Member, groupId: Uint8Array) {
  return world.qs.handlers.blockGroup(member.signed({ groupId }))
}

function unblock(world: World, member: Member, groupId: Uint8Array) {
  return world.qs.handlers.unblockGroup(member.signed({ groupId }))
}

test("messages of a blocked group come to everybody but the client that blocks it, and nobody is told", async () => {
  await using world = await World.open()
  const [member, other] = [await registered(world), await registered(world)]
  const sibling = await member.addClient(world)
  await block(world, member, unwanted)
  for (const restarted of [false, true]) {
    if (restarted) world.restart()
    const bundle = { epoch: 1n, welcome: wanted, sealedEarKey: wanted, attribution: wanted }
    const messages = [
      messageOf(unwanted),
      messageOf(wanted),
      encodeQueueMessage({ type: "welcome", groupId: unwanted, bundle }),
    ]
    for (const message of messages) {
      const recipients = [member, other, sibling].map((one) => {
        return resolve(world, { config: one.queueConfig(world), ticket: undefined })!
      })
      await send(
        world,
        recipients.map(({ queue }) => ({ queue, message })),
      )
    }
    expect((await receive(world, member)).slice(-1)).toEqual([messages[1]!])
    expect(await receive(world, member)).toHaveLength(restarted ? 2 : 1)
    for (const one of [other, sibling]) expect((await receive(world, one)).slice(-3)).toEqual(messages)
  }
})

test("a group that is taken off the list comes through again", async () => {
  await using world = await World.open()
  const member = await registered(world)
  await deliverTo(world, member, messageOf(unwanted))
  await block(world, member, unwanted)
  await block(world, member, wanted)
  await deliverTo(world, member, messageOf(unwanted))
  await unblock(world, member, unwanted)
  await unblock(world, member, unwanted)
  await deliverTo(world, member, messageOf(unwanted))
  await deliverTo(world, member, messageOf(wanted))
  expect(await receive(world, member)).toHaveLength(2)
})

test("a block holds for whatever is accepted after it, in the same moment too", async () => {
  await using world = await World.open()
  const member = await registered(world)
  const config = member.queueConfig(world)
  const { queue } = resolve(world, { config, ticket: undefined })!
  const messages = [messageOf(unwanted), messageOf(unwanted), messageOf(unwanted)]
  await Promise.all([
    send(world, [{ queue, message: messages[0]! }]),
    block(world, member, unwanted),
    send(world, [{ queue, message: messages[1]! }]),
    unblock(world, member, unwanted),
    send(world, [{ queue, message: messages[2]! }]),
  ])
  expect(await receive(world, member)).toEqual([messages[0]!, messages[2]!])
})

test("the list has a bound, repetitions do not count, and a full one refuses without changing", async () => {
  await using world = await World.open()
  const member = await registered(world)
  const groups = Array.from({ length: BLOCKED_GROUPS_MAX }, () => crypto.random(16))
  for (const groupId of [...groups, ...groups]) await block(world, member, groupId)
  await expect(block(world, member, wanted)).rejects.toThrow("qs.too-many-blocked-groups")
  const count = async () => (await world.qs.handlers.getClient(member.signed({}))).blockedGroups
  expect(await count()).toBe(BLOCKED_GROUPS_MAX)
  await deliverTo(world, member, messageOf(wanted))
  await unblock(world, member, groups[7]!)
  await block(world, member, wanted)
  await deliverTo(world, member, messageOf(wanted))
  await deliverTo(world, member, messageOf(groups[7]!))
  expect(await receive(world, member)).toHaveLength(2)
  expect(await count()).toBe(BLOCKED_GROUPS_MAX)
})

test("the same group has another hash with every client", async () => {
  await using world = await World.open()
  const members = [await registered(world), await registered(world)]
  for (const member of members) await block(world, member, unwanted)
  const hashes = world.clientRows().flatMap((row) => decodeClientState(row.state).blocked)
  expect(hashes).toHaveLength(2)
  expect(hashes[0]).not.toEqual(hashes[1]!)
})

test("lists that memory has no room for are read again, and hold", async () => {
  await using world = await World.open()
  const members = await Promise.all(Array.from({ length: 5 }, () => registered(world)))
  for (const member of members.slice(2)) await block(world, member, unwanted)
  const lists = new BlockLists(crypto, 2)
  for (let round = 0; round < 3; round++) {
    const blocked = members.map(({ client }) => lists.blocks(world.store, client, unwanted))
    expect(blocked).toEqual([false, false, true, true, true])
    expect(lists.blocks(world.store, members[2]!.client, wanted)).toBe(false)
  }
})
