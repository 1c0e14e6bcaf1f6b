import { expect, test } from "bun:test"
import { QUEUES_REPORTED_MAX } from "../../src/limits.ts"
import { Circle } from "./circle.ts"
import { contents, overwriteReport, reportOf, rowsOf } from "./rows.ts"
import { World } from "./world.ts"

function types(world: World, name: string): string[] {
  return world.take(name).map(({ type }) => type)
}

test("a queue found gone by a message is reported, and its member proposed when it is found again", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob", "carol")
  const { groupId } = circle.group
  circle.lose("carol")
  const [rows, report] = [rowsOf(world.store, groupId), reportOf(world.store, groupId)]
  await circle.submit(circle.sending("alice", "one"))
  expect(rowsOf(world.store, groupId)).toEqual(rows)
  expect(reportOf(world.store, groupId).sealed).not.toEqual(report.sealed)
  expect(types(world, "bob")).toEqual(["mls"])

  await world.restart()
  await circle.submit(circle.sending("alice", "two"))
  expect(types(world, "bob")).toEqual(["mls", "proposals"])
  const after = contents(world.store)
  for (const by of ["bob", "alice", "bob"]) await circle.submit(circle.sending(by, "three"))
  expect(contents(world.store)).toBe(after)
  expect(types(world, "alice")).toEqual(["proposals", "mls", "mls"])
})

test("what was reported is proposed by the next request that writes the head, whatever it is about", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob", "carol")
  circle.lose("carol")
  await circle.submit(circle.sending("alice", "hello"))
  await circle.submit(circle.changingQueue("bob", world.queueConfig("bob's other")))
  expect(types(world, "alice")).toEqual(["proposals"])
  await circle.submit(circle.changingQueue("bob", world.queueConfig("bob")))
  expect(types(world, "alice")).toEqual([])
})

test("a report is void when its member has another queue", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob", "carol")
  world.fanout.gone.add("carol")
  await circle.submit(circle.sending("alice", "hello"))
  await circle.submit(circle.changingQueue("carol", world.queueConfig("carol's other")))
  await circle.submit(circle.updating("bob"))
  expect(types(world, "alice")).toEqual(["mls"])
  expect(types(world, "carol's other")).toEqual(["mls"])
})

test("however many queues are gone, and however often that is found, the reports are one row of one length", async () => {
  await using world = await World.start()
  const crowd = Array.from({ length: QUEUES_REPORTED_MAX + 4 }, (_, i) => `client ${i}`)
  const circle = await Circle.of(world, "alice", "bob", ...crowd)
  const { groupId } = circle.group
  const none = reportOf(world.store, groupId)
  const seen = new Set([none.sealed.join()])
  const look = () => {
    const { public_key, sealed } = reportOf(world.store, groupId)
    expect([public_key, sealed.length]).toEqual([none.public_key, none.sealed.length])
    seen.add(sealed.join())
  }
  await circle.submit(circle.updating("alice"))
  await circle.settle()
  look()
  for (const name of crowd) circle.lose(name)
  await Promise.all(["one", "two", "three"].map((text) => circle.submit(circle.sending("bob", text))))
  expect(world.take("alice").map(({ type }) => type)).toEqual(["mls", "mls", "mls"])
  look()
  await circle.submit(circle.sending("alice", "one"))
  look()
  expect(seen.size).toBe(4)
  const proposed = world.take("alice").flatMap((one) => (one.type === "proposals" ? one.proposals : []))
  expect(proposed).toHaveLength(crowd.length)
  const settled = contents(world.store)
  for (let i = 0; i < 20; i++) await circle.submit(circle.sending("alice", `again ${i}`))
  expect(contents(world.store)).toBe(settled)
})

test("reports of another group, or damaged ones, remove nobody and hold nothing up", async () => {
  await using world = await World.start()
  const [circle, other] = [await Circle.of(world, "alice", "bob"), await Circle.of(world, "carol", "dave")]
  other.lose("dave")
  await other.submit(other.sending("carol", "hello"))
  const own = reportOf(world.store, circle.group.groupId)
  const { sealed } = reportOf(world.store, other.group.groupId)
  for (const foreign of [sealed, own.sealed.map((byte) => byte ^ 1), new Uint8Array(0)]) {
    await overwriteReport(world.store, { ...own, sealed: foreign })
    await circle.submit(circle.updating("alice"))
    expect(types(world, "bob").slice(-1)).toEqual(["mls"])
    expect(reportOf(world.store, circle.group.groupId).sealed.length).toBe(own.sealed.length)
  }
})
