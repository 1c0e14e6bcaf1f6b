import { expect, test } from "bun:test"
import { EXPIRY_STEP_GROUPS } from "../../src/limits.ts"
import { filesWith } from "../store/files.ts"
import { Circle } from "./circle.ts"
import { rowsOf } from "./rows.ts"
import { EXPIRY_MONTHS, refusalOf, World } from "./world.ts"

/** Whether the server still has the group. */
async function exists(world: World, circle: Circle): Promise<boolean> {
  try {
    await world.ask("externalCommitInfo", circle.group)
    return true
  } catch {
    return false
  }
}

test("a group in which nothing happened for too long goes, from the disk as well; others stay", async () => {
  await using world = await World.start()
  const silent = await Circle.of(world, "alice", "bob")
  const { head, tree } = rowsOf(world.store, silent.group.groupId)
  const traces = [silent.group.groupId, head.ciphertext.slice(0, 32), tree.ciphertext.slice(-32)]
  world.wait(1)
  const younger = await Circle.of(world, "carol", "dave")
  const talking = await Circle.of(world, "erin", "frank")
  world.wait(EXPIRY_MONTHS - 1)
  await world.sweep()
  expect(await Promise.all([silent, younger, talking].map((one) => exists(world, one)))).toEqual([
    true,
    true,
    true,
  ])
  world.wait(1)
  await talking.submit(talking.sending("erin", "still here"))
  await world.sweep()
  world.store.scrub()
  expect(traces.map((trace) => filesWith(world.directory, trace).length)).toEqual([0, 0, 0])
  expect(await exists(world, younger)).toBe(true)
  world.wait(1)
  await world.sweep()
  expect(await Promise.all([younger, talking].map((one) => exists(world, one)))).toEqual([false, true])
  const late = await refusalOf(younger.submit(younger.sending("carol", "hello?")))
  expect(late.code).toBe("auth.refused")
})

test("a clock that was just set deletes nothing", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice")
  world.wait(10 * EXPIRY_MONTHS)
  world.clockSettled = false
  await world.sweep()
  expect(await exists(world, circle)).toBe(true)
  world.clockSettled = true
  await world.sweep()
  expect(await exists(world, circle)).toBe(false)
})

test("a message that comes during the sweep keeps its group, and whatever it says arrives", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob")
  world.wait(EXPIRY_MONTHS + 1)
  const sent = circle.submit(circle.sending("alice", "just in time"))
  await Promise.all([sent, world.sweep()])
  expect(await exists(world, circle)).toBe(true)
  await circle.submit(circle.sending("alice", "again"))
  expect(world.take("bob").filter(({ type }) => type === "mls")).toHaveLength(2)
})

test("all groups are looked at, however many there are", async () => {
  await using world = await World.start()
  const circles: Circle[] = []
  for (let i = 0; i < EXPIRY_STEP_GROUPS + 10; i++) circles.push(await Circle.of(world, `client ${i}`))
  world.wait(EXPIRY_MONTHS + 1)
  const kept = circles[7] as Circle
  await kept.submit(kept.updating("client 7"))
  await world.sweep()
  const left = await Promise.all(circles.map((one) => exists(world, one)))
  expect(left.filter((one) => one)).toHaveLength(1)
  expect(left[7]).toBe(true)
})
