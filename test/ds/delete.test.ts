import { expect, test } from "bun:test"
import { operationRules as rules } from "../../src/ds/operation-rules.ts"
import { decodeMlsMessage, type Proposal } from "../../src/mls/index.ts"
import { filesWith } from "../store/files.ts"
import { Circle } from "./circle.ts"
import { contents, rowsOf } from "./rows.ts"
import { brokenRule, refusalOf, World } from "./world.ts"

test("an admin ends the group: everybody learns it, and nothing is left of it on the disk", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob", "carol")
  const { head, tree } = rowsOf(world.store, circle.group.groupId)
  world.store.scrub()
  const traces = [circle.group.groupId, head.ciphertext.slice(0, 32), tree.ciphertext.slice(-32)]
  expect(traces.map((trace) => filesWith(world.directory, trace).length)).toEqual([1, 1, 1])

  await circle.submit(circle.deleting("alice"))
  await circle.settle()
  expect(circle.members.map(({ name }) => name)).toEqual(["alice"])
  expect(contents(world.store)).toBe("")
  world.store.scrub()
  expect(traces.map((trace) => filesWith(world.directory, trace).length)).toEqual([0, 0, 0])
})

test("a deleted group is unknown: to those who were in it, and to whoever deletes it again", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob")
  const deletion = circle.deleting("alice")
  const others = [circle.sending("bob", "still there?"), circle.updating("bob"), circle.updating("alice")]
  await circle.submit(deletion)
  for (const request of [deletion, ...others]) {
    expect((await refusalOf(circle.submit(request as typeof deletion))).code).toBe("auth.refused")
  }
  const info = world.ask("externalCommitInfo", circle.group)
  expect((await refusalOf(info)).code).toBe("auth.refused")
  expect(world.take("bob")).toHaveLength(1)
})

test("a group of one is deleted by a commit that removes nobody", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice")
  await circle.submit(circle.deleting("alice"))
  expect(contents(world.store)).toBe("")
})

test("only an admin deletes a group, and only by a commit that removes all others and nothing else", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob", "carol")
  const removeBob: Proposal = { kind: "remove", removed: circle.person("bob").leaf }
  const { params } = circle.updating("alice")
  const own = circle.deleting("alice")
  const before = contents(world.store)
  const cases = [
    ["by a member", circle.deleting("bob"), rules.admin],
    ["with the admin's commit", { ...own, signer: circle.person("bob").byLeaf }, rules.admin],
    ["somebody stays", circle.deleting("alice", { proposals: [removeBob] }), rules.removesOthers],
    ["nobody is removed", circle.deleting("alice", { proposals: [] }), rules.removesOthers],
    ["with data", circle.deleting("alice", { authenticatedData: Uint8Array.of(0) }), rules.noData],
    ["by a roles change", { ...own, params: params }, rules.removesOthers],
  ] as const
  for (const [name, request, rule] of cases) {
    const { commit } = request.params
    const deletion = { ...own, signer: request.signer, params: { ...circle.group, commit } }
    expect([name, await brokenRule(circle.submit(deletion))]).toEqual([name, rule.id])
  }
  const late = circle.deleting("alice")
  await circle.submit(circle.updating("bob"))
  expect(await brokenRule(circle.submit(late))).toBe("ds.wrong-epoch")
  expect(contents(world.store)).not.toBe(before)
  await circle.settle()
  expect(circle.members).toHaveLength(3)
})

test("a deletion and a commit at the same time: one of them is accepted", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob")
  const outcomes = await Promise.allSettled([
    circle.submit(circle.updating("bob")),
    circle.submit(circle.deleting("alice")),
  ])
  expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"])
})

test("a full queue refuses the whole deletion", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob", "carol")
  world.fanout.full.add("carol")
  const before = contents(world.store)
  expect(await brokenRule(circle.submit(circle.deleting("alice")))).toBe("queue.full")
  expect(contents(world.store)).toBe(before)
  expect(world.take("bob").map(({ type }) => type)).toEqual([])
  world.fanout.full.clear()
  await circle.submit(circle.deleting("alice"))
  const [last] = world.take("bob")
  expect(last?.type === "mls" && decodeMlsMessage(last.message).kind).toBe("publicMessage")
})
