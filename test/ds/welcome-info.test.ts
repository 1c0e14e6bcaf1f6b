import { describe, expect, test } from "bun:test"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { RecordPadding } from "../../src/ds/record-padding.ts"
import { GroupRecords } from "../../src/ds/records.ts"
import { Circle } from "./circle.ts"
import { refusalOf, World } from "./world.ts"

const DAY_MILLISECONDS = 86_400_000

/** The epochs back to which the server can go, for which it keeps the changes of each commit. */
function epochsKept(world: World, circle: Circle): number {
  const records = new GroupRecords(world.store, nativeCrypto, new RecordPadding(world.padding))
  const head = records.openHead(circle.group)
  if (head === undefined) throw new Error("the head does not open")
  const tree = records.openTree(head, circle.group)
  const { length } = tree.value.history
  head.wipe()
  tree.wipe()
  return length
}

/** Asks for the tree of the epoch into which somebody was added; undefined, or the refusal's code. */
async function ask(world: World, circle: Circle, name: string, epoch: number): Promise<string | undefined> {
  const call = world.call("welcomeInfo", circle.person(name).byKeyPackage, { ...circle.group, epoch })
  return call.then(
    () => undefined,
    async () => (await refusalOf(call)).code,
  )
}

/** alice added bob and carol in epoch 1 and committed twice since; both could join only now. */
async function late(world: World): Promise<Circle> {
  const circle = await Circle.of(world, "alice", "bob", "carol")
  for (let i = 0; i < 2; i++) {
    await circle.submit(circle.updating("alice"))
    await circle.settle()
  }
  expect(epochsKept(world, circle)).toBe(3)
  for (const name of ["bob", "carol"]) expect(await ask(world, circle, name, 1)).toBeUndefined()
  return circle
}

describe("what joiners of an earlier epoch need is kept", () => {
  test("until all of them have committed", async () => {
    await using world = await World.start()
    const circle = await late(world)
    await circle.submit(circle.updating("bob"))
    await circle.settle()
    expect(await ask(world, circle, "bob", 1)).toBe("auth.refused")
    expect(await ask(world, circle, "carol", 1)).toBeUndefined()
    expect(epochsKept(world, circle)).toBe(4)
    await circle.submit(circle.updating("carol"))
    await circle.settle()
    expect(await ask(world, circle, "carol", 1)).toBe("auth.refused")
    expect(epochsKept(world, circle)).toBe(0)
  })

  test("until those who have not are removed, left, or came back from outside", async () => {
    await using world = await World.start()
    const circle = await late(world)
    await circle.submit(await circle.resyncing("bob"))
    await circle.settle()
    expect(epochsKept(world, circle)).toBe(4)
    await circle.submit(circle.leaving("carol"))
    await circle.settle()
    expect(await ask(world, circle, "carol", 1)).toBeUndefined()
    await circle.submit(circle.updating("alice"))
    expect(epochsKept(world, circle)).toBe(0)
    for (const name of ["bob", "carol"]) expect(await ask(world, circle, name, 1)).toBe("auth.refused")
  })

  test("until their KeyPackages expire: then it is not given out, and goes with the next commit", async () => {
    await using world = await World.start()
    const circle = await late(world)
    world.clockSettled = false
    world.now += 89 * DAY_MILLISECONDS
    expect(await ask(world, circle, "bob", 1)).toBeUndefined()
    world.now += 2 * DAY_MILLISECONDS
    for (const name of ["bob", "carol"]) expect(await ask(world, circle, name, 1)).toBe("auth.refused")
    await circle.submit(circle.updating("alice"))
    expect(epochsKept(world, circle)).toBe(0)
  })

  test("for each epoch by itself: the oldest that somebody waits for is the last that stays", async () => {
    await using world = await World.start()
    const circle = await late(world)
    await circle.submit(circle.adding("alice", ["dave"]))
    await circle.settle()
    for (const name of ["bob", "carol"]) {
      await circle.submit(circle.updating(name))
      await circle.settle()
    }
    expect(epochsKept(world, circle)).toBe(3)
    expect(await ask(world, circle, "dave", 4)).toBeUndefined()
    await circle.submit(circle.updating("dave"))
    expect(epochsKept(world, circle)).toBe(0)
  })
})
