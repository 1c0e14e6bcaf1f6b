import { expect, test } from "bun:test"
import { operationRules as rules } from "../../src/ds/operation-rules.ts"
import { Circle } from "./circle.ts"
import { contents, rowsOf } from "./rows.ts"
import { brokenRule, World } from "./world.ts"

test("a member's messages go to its new queue from the moment the change is accepted", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob")
  await circle.submit(circle.sending("alice", "before"))
  await circle.submit(circle.changingQueue("bob", world.queueConfig("bob's other")))
  await circle.submit(circle.sending("alice", "after"))
  await circle.submit(circle.updating("alice"))
  expect([world.take("bob").length, world.take("bob's other").length]).toEqual([1, 2])
})

test("the change writes the head alone, and the same again nothing", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob")
  const before = rowsOf(world.store, circle.group.groupId)
  world.now += 40 * 86_400_000
  const change = circle.changingQueue("bob", world.queueConfig("bob's other"))
  await circle.submit(change)
  const after = rowsOf(world.store, circle.group.groupId)
  expect(after.tree).toEqual(before.tree)
  expect(after.group.month).toBe(before.group.month)
  expect(after.head.ciphertext.length).toBe(before.head.ciphertext.length)
  const rows = contents(world.store)
  await world.restart()
  await circle.submit(change)
  expect(contents(world.store)).toBe(rows)
  world.fanout.configsOpened = 0
  await circle.submit(circle.sending("alice", "with the ticket that came with the change"))
  expect(world.fanout.configsOpened).toBe(0)
})

test("a queue that is gone, of another server or none at all is refused", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob")
  world.fanout.gone.add("gone")
  const before = contents(world.store)
  for (const [config, rule] of [
    [world.queueConfig("gone"), rules.livingQueue],
    [world.queueConfig("bob", "other.org"), rules.ownQueue],
    [world.queueConfig("bob").subarray(1), rules.ownQueue],
    [new Uint8Array(1), rules.ownQueue],
  ] as const) {
    expect(await brokenRule(circle.submit(circle.changingQueue("bob", config)))).toBe(rule.id)
  }
  expect(contents(world.store)).toBe(before)
})

test("neither a change of the queue nor a commit that comes at the same time is lost", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob")
  const update = circle.updating("alice")
  const change = circle.changingQueue("bob", world.queueConfig("bob's other"))
  await Promise.all([circle.submit(change), circle.submit(update)])
  expect([...world.take("bob"), ...world.take("bob's other")]).toHaveLength(1)
  await circle.submit(circle.sending("alice", "hello"))
  expect([world.take("bob").length, world.take("bob's other").length]).toEqual([0, 1])
  expect(circle.person("alice").member.context.epoch).toBe(2n)
  await circle.submit(circle.updating("alice"))
})
