import { describe, expect, test } from "bun:test"
import { operationRules as rules } from "../../src/ds/operation-rules.ts"
import { REMOVALS_PROPOSED_MAX } from "../../src/limits.ts"
import { rules as mlsRules } from "../../src/mls/index.ts"
import { Circle } from "./circle.ts"
import { contents, rowsOf } from "./rows.ts"
import { brokenRule, INACTIVE_MONTHS, refusalOf, World } from "./world.ts"

/** alice, the admin, and bob have committed lately; carol has not for longer than a member may. */
async function withInactiveCarol(world: World): Promise<Circle> {
  const circle = await Circle.of(world, "alice", "bob", "carol")
  world.wait(2)
  for (const name of ["alice", "bob"]) {
    await circle.submit(circle.updating(name))
    await circle.settle()
  }
  world.wait(INACTIVE_MONTHS - 1)
  return circle
}

function names(circle: Circle): string[] {
  return circle.members.map(({ name }) => name)
}

describe("a member that has not committed for too long", () => {
  test("is proposed to be removed by the next request, to everybody, and goes with anybody's next update", async () => {
    await using world = await World.start()
    const circle = await withInactiveCarol(world)
    await circle.submit(circle.sending("bob", "hello"))
    for (const name of ["alice", "carol"]) {
      const [message, proposals] = world.take(name)
      expect([message?.type, proposals?.type]).toEqual(["mls", "proposals"])
      await circle.read(name, [message!, proposals!])
    }
    await circle.settle()
    const late = circle.sending("carol", "still here?")
    await circle.submit(circle.updating("bob"))
    await circle.settle()
    expect(names(circle)).toEqual(["alice", "bob"])
    expect((await refusalOf(circle.submit(late))).code).toBe("auth.refused")
    const { encryptedCredentials } = await world.ask("externalCommitInfo", circle.group)
    expect(encryptedCredentials.map(({ leaf }) => leaf)).toEqual([0, 1])
  })

  test("is proposed once an epoch, and nothing is written for it again", async () => {
    await using world = await World.start()
    const circle = await withInactiveCarol(world)
    await circle.submit(circle.sending("bob", "one"))
    await circle.settle()
    const before = contents(world.store)
    await circle.submit(circle.sending("bob", "two"))
    await circle.submit(circle.sending("alice", "three"))
    expect(contents(world.store)).toBe(before)
    expect(world.take("alice").map(({ type }) => type)).toEqual(["mls"])
  })

  test("stays if it commits before others do, without its own removal", async () => {
    await using world = await World.start()
    const circle = await withInactiveCarol(world)
    await circle.submit(circle.sending("bob", "hello"))
    await circle.settle()
    await circle.submit(circle.updating("carol"))
    await circle.settle()
    expect(names(circle)).toEqual(["alice", "bob", "carol"])
    await circle.submit(circle.adding("alice", ["dave"]))
    await circle.settle()
    expect(names(circle)).toHaveLength(4)
  })

  test("is not proposed by its own request, nor before its time, nor by a clock that was just set", async () => {
    await using world = await World.start()
    const circle = await Circle.of(world, "alice", "bob")
    await circle.submit(circle.updating("alice"))
    await circle.settle()
    const silent = async (by: string) => {
      await circle.submit(circle.sending(by, "hello"))
      const types = ["alice", "bob"].flatMap((name) => world.take(name).map(({ type }) => type))
      expect(types).toEqual(["mls"])
    }
    world.wait(INACTIVE_MONTHS)
    await silent("alice")
    world.wait(1)
    world.clockSettled = false
    await silent("alice")
    world.clockSettled = true
    await circle.submit(circle.updating("alice"))
    expect(world.take("bob").map(({ type }) => type)).toEqual(["mls", "proposals"])
    expect(world.take("alice").map(({ type }) => type)).toEqual(["proposals"])
  })

  test("leaves the lowest leaf of those who stay as the admin, if it was the last one", async () => {
    await using world = await World.start()
    const circle = await Circle.of(world, "alice", "bob", "carol")
    world.wait(2)
    for (const name of ["bob", "carol"]) {
      await circle.submit(circle.updating(name))
      await circle.settle()
    }
    world.wait(INACTIVE_MONTHS - 1)
    await circle.submit(circle.sending("carol", "hello"))
    await circle.settle()
    const forgetful = circle.updating("carol", { roles: "stay" })
    expect(await brokenRule(circle.submit(forgetful))).toBe(rules.rolesFollow.id)
    await circle.submit(circle.updating("carol"))
    await circle.settle()
    expect([names(circle), circle.admins]).toEqual([["bob", "carol"], ["bob"]])
    await circle.submit(circle.adding("bob", ["dave"]))
  })
})

describe("while removals are proposed", () => {
  test("nothing but an update that refers to all of them is accepted", async () => {
    await using world = await World.start()
    const circle = await withInactiveCarol(world)
    await circle.submit(circle.sending("bob", "hello"))
    const unread = circle.updating("alice")
    await circle.settle()
    const before = contents(world.store)
    const refused = [
      unread,
      circle.adding("alice", ["dave"]),
      circle.removing("alice", ["bob"]),
      circle.changingRoles("alice", ["bob"]),
      circle.deleting("alice"),
      await circle.resyncing("bob"),
    ]
    for (const request of refused) {
      const { code } = await refusalOf(circle.submit(request as typeof unread))
      expect([request.operation, code]).toEqual([request.operation, "ds.proposals-pending"])
    }
    expect(contents(world.store)).toBe(before)
    const also = circle.updating("alice", { also: [{ kind: "remove", removed: circle.person("bob").leaf }] })
    expect(await brokenRule(circle.submit(also))).toBe(rules.onlyUpdate.id)
    const update = circle.updating("alice")
    await circle.submit(update)
    await circle.submit({ ...update, accepted: () => undefined })
    await circle.settle()
    expect(names(circle)).toEqual(["alice", "bob"])
    await circle.submit(circle.adding("alice", ["dave"]))
  })

  test("members can talk, and change their queue", async () => {
    await using world = await World.start()
    const circle = await withInactiveCarol(world)
    await circle.submit(circle.changingQueue("bob", world.queueConfig("bob's other")))
    expect(world.take("carol").map(({ type }) => type)).toEqual(["proposals"])
    expect(world.take("bob's other").map(({ type }) => type)).toEqual(["proposals"])
    await circle.submit(circle.sending("carol", "hello"))
    expect(world.take("bob's other").map(({ type }) => type)).toEqual(["mls"])
  })
})

test("a proposal that the server does not have cannot be committed, whoever made it", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob", "carol")
  const { member } = circle.person("alice")
  circle.person("alice").member = member.propose(
    { kind: "remove", removed: circle.person("bob").leaf },
    { now: undefined },
  ).next
  const before = contents(world.store)
  const refusal = await refusalOf(circle.submit(circle.updating("alice")))
  expect([refusal.code, refusal.rule]).toEqual(["ds.invalid-message", mlsRules.unknownProposal.id])
  expect(contents(world.store)).toBe(before)
})

test("a member whose queue is gone is proposed with the commit that finds it so, to newcomers as well", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob", "carol")
  circle.lose("carol")
  await circle.submit(circle.adding("alice", ["dave"]))
  await circle.settle()
  await circle.submit(circle.updating("dave"))
  await circle.settle()
  expect(circle.members.map(({ name }) => name)).toEqual(["alice", "bob", "dave"])
  const { encryptedCredentials } = await world.ask("externalCommitInfo", circle.group)
  expect(encryptedCredentials.map(({ leaf }) => leaf)).toEqual([0, 1, 3])
})

test("an epoch takes a bounded number of removals; the others follow in the next", async () => {
  await using world = await World.start()
  const crowd = Array.from({ length: REMOVALS_PROPOSED_MAX + 6 }, (_, i) => `client ${i}`)
  const circle = await Circle.of(world, "alice", ...crowd)
  world.wait(INACTIVE_MONTHS + 1)
  const proposed = () =>
    world.take("alice").flatMap((message) => (message.type === "proposals" ? message.proposals : []))
  await circle.submit(circle.sending("alice", "is anybody there?"))
  const [first] = world.take("alice")
  if (first?.type !== "proposals") throw new Error("no proposals")
  expect(first.proposals).toHaveLength(REMOVALS_PROPOSED_MAX)
  await circle.read("alice", [first])
  await circle.submit(circle.sending("alice", "again"))
  expect(proposed()).toEqual([])
  await circle.submit(circle.updating("alice"))
  const [second] = world.take("alice")
  if (second?.type !== "proposals") throw new Error("no proposals")
  expect(second.proposals).toHaveLength(6)
  await circle.read("alice", [second])
  await circle.submit(circle.updating("alice"))
  expect(circle.person("alice").member.tree.memberCount).toBe(1)
})

test("a snapshot does not show whether somebody is proposed to be removed", async () => {
  await using world = await World.start()
  const circle = await withInactiveCarol(world)
  const before = rowsOf(world.store, circle.group.groupId)
  await circle.submit(circle.sending("bob", "hello"))
  const after = rowsOf(world.store, circle.group.groupId)
  expect(after.tree).toEqual(before.tree)
  expect(after.head.ciphertext.length).toBe(before.head.ciphertext.length)
  expect(Object.keys(after.group)).toEqual(Object.keys(before.group))
})

test("a message that cannot be delivered proposes nothing either", async () => {
  await using world = await World.start()
  const circle = await withInactiveCarol(world)
  world.fanout.full.add("carol")
  const before = contents(world.store)
  const refusal = await refusalOf(circle.submit(circle.sending("bob", "hello")))
  expect(refusal.code).toBe("queue.full")
  expect(contents(world.store)).toBe(before)
  expect(world.take("alice")).toEqual([])
})
