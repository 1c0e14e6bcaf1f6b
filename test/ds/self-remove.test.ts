import { describe, expect, test } from "bun:test"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { operationRules as rules } from "../../src/ds/operation-rules.ts"
import { SELF_REMOVES_STORED_MAX } from "../../src/limits.ts"
import { memberRules, rules as mlsRules, proposeFromOutside } from "../../src/mls/index.ts"
import { suite1 } from "../../src/mls/suites/suite1.ts"
import { Circle, type Request } from "./circle.ts"
import { contents, rowsOf } from "./rows.ts"
import { refusalOf, World } from "./world.ts"

function names(circle: Circle): string[] {
  return circle.members.map(({ name }) => name)
}

/** The rule by which a request is refused, or the code where there is none. */
async function rule(request: Promise<unknown>): Promise<string> {
  const { rule: id, code } = await refusalOf(request)
  return id ?? code
}

describe("a member that leaves", () => {
  test("is gone with the next update of anybody, who need not be an admin", async () => {
    await using world = await World.start()
    const circle = await Circle.of(world, "alice", "bob", "carol")
    await circle.submit(circle.leaving("bob"))
    await circle.settle()
    await circle.submit(circle.sending("bob", "good-bye"))
    await circle.settle()
    const late = circle.sending("bob", "one more thing")
    await circle.submit(circle.updating("carol"))
    await circle.settle()
    expect([names(circle), circle.person("carol").read]).toEqual([["alice", "carol"], ["good-bye"]])
    expect(await rule(circle.submit(late))).toBe("auth.refused")
    const { encryptedCredentials } = await world.ask("externalCommitInfo", circle.group)
    expect(encryptedCredentials.map(({ leaf }) => leaf)).toEqual([0, 2])
  })

  test("may repeat its request, also after a restart, and nothing comes twice", async () => {
    await using world = await World.start()
    const circle = await Circle.of(world, "alice", "bob", "carol")
    const request = circle.leaving("bob")
    await circle.submit(request)
    const before = contents(world.store)
    await circle.submit({ ...request, accepted: () => undefined })
    await world.restart()
    await circle.submit({ ...request, accepted: () => undefined })
    expect(contents(world.store)).toBe(before)
    expect(world.take("alice")).toHaveLength(1)
  })

  test("leaves the admins in order, also if it was the last of them", async () => {
    await using world = await World.start()
    const circle = await Circle.of(world, "alice", "bob", "carol")
    await circle.submit(circle.leaving("alice"))
    await circle.settle()
    expect(await rule(circle.submit(circle.updating("carol", { roles: "stay" })))).toBe(rules.rolesFollow.id)
    const ambitious = circle.updating("carol", { roles: "stay", also: circle.rolesOf(["carol"]) })
    expect(await rule(circle.submit(ambitious))).toBe(rules.rolesFollow.id)
    await circle.submit(circle.updating("carol"))
    await circle.settle()
    expect([names(circle), circle.admins]).toEqual([["bob", "carol"], ["bob"]])
  })

  test("can commit nothing any more, and holds up all but talking until it is gone", async () => {
    await using world = await World.start()
    const circle = await Circle.of(world, "alice", "bob", "carol")
    await circle.submit(circle.leaving("alice"))
    await circle.settle()
    for (const request of [circle.updating("alice"), circle.adding("alice", ["dave"])]) {
      expect(await rule(circle.submit(request as Request))).toBe("ds.proposals-pending")
    }
    await circle.submit(circle.sending("bob", "hello"))
  })

  test("may go with others in one update", async () => {
    await using world = await World.start()
    const circle = await Circle.of(world, "alice", "bob", "carol", "dave")
    for (const name of ["bob", "dave"]) {
      await circle.submit(circle.leaving(name))
      await circle.settle()
    }
    await circle.submit(circle.updating("alice"))
    await circle.settle()
    expect(names(circle)).toEqual(["alice", "carol"])
  })
})

test("the last one who has not left commits, or deletes the group, instead of leaving", async () => {
  await using world = await World.start()
  const alone = await Circle.of(world, "erin")
  expect(await rule(alone.submit(alone.leaving("erin")))).toBe(rules.somebodyStays.id)
  const circle = await Circle.of(world, "alice", "bob")
  await circle.submit(circle.leaving("alice"))
  await circle.settle()
  expect(await rule(circle.submit(circle.leaving("bob")))).toBe(rules.somebodyStays.id)
  await circle.submit(circle.updating("bob"))
  await circle.settle()
  await circle.submit(circle.deleting("bob"))
})

test("nobody makes another leave, or proposes anything else", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob", "carol")
  const { signer } = circle.leaving("bob")
  const { group } = circle
  const carol = { kind: "remove", removed: circle.person("carol").leaf } as const
  const { context } = circle.person("bob").member
  const own = circle.leaving("bob").params.proposal
  const outside = (senderIndex: number, proposal: typeof carol) => ({
    ...group,
    proposal: proposeFromOutside(
      suite1(nativeCrypto),
      context,
      { senderIndex, signatureSecret: nativeCrypto.random(32) },
      proposal,
    ),
  })
  const senderAt = own.indexOf(1, 30)
  const cases: [string, Uint8Array, string][] = [
    ["another's SelfRemove", circle.leaving("carol").params.proposal, rules.ownSelfRemove.id],
    ["a Remove", circle.leaving("bob", carol).params.proposal, rules.ownSelfRemove.id],
    ["an Add", circle.leaving("bob", circle.addOf("dave")).params.proposal, rules.ownSelfRemove.id],
    ["in the server's name", outside(0, carol).proposal, mlsRules.messageSignature.id],
    ["as an external sender whom nobody knows", outside(1, carol).proposal, mlsRules.unknownSender.id],
    ["a commit", circle.updating("bob").params.commit, mlsRules.notProposal.id],
    ["a message", circle.sending("bob", "hello").params.message, mlsRules.notPublicMessage.id],
    [
      "with data",
      circle.leaving("bob", { kind: "selfRemove" }, { authenticatedData: own }).params.proposal,
      rules.noData.id,
    ],
    ["truncated", own.subarray(0, -1), mlsRules.malformed.id],
    ["with trailing bytes", Uint8Array.of(...own, 0), mlsRules.malformed.id],
    ["damaged", own.with(senderAt, 0xff), expect.any(String) as unknown as string],
  ]
  const before = contents(world.store)
  for (const [name, proposal, broken] of cases) {
    const params = { ...group, proposal }
    const call = circle.submit({ operation: "selfRemove", signer, params, accepted: () => undefined })
    expect([name, await rule(call)]).toEqual([name, broken])
  }
  expect(contents(world.store)).toBe(before)
  for (const name of ["alice", "bob", "carol"]) expect(world.take(name)).toEqual([])
  const late = circle.leaving("bob")
  await circle.submit(circle.updating("alice"))
  expect(await rule(circle.submit(late))).toBe("ds.wrong-epoch")
})

test("a proposal to leave that only members can find wrong does not stop the group", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob", "carol")
  const request = circle.leaving("bob")
  const { proposal } = request.params
  const tag = proposal.length - 1
  const wrong = { ...request.params, proposal: proposal.with(tag, (proposal[tag] as number) ^ 1) }
  await circle.submit({ ...request, params: wrong })
  await expect(circle.read("carol", world.take("carol"))).rejects.toThrow(memberRules.membershipTag.text)
  expect(await rule(circle.submit(circle.updating("carol")))).toBe("ds.proposals-pending")
  const remove = (name: string) => ({ kind: "remove", removed: circle.person(name).leaf }) as const
  const tooMuch = circle.updating("carol", { proposals: [remove("bob"), remove("alice")] })
  expect(await rule(circle.submit(tooMuch))).toBe(rules.onlyUpdate.id)
  world.take("alice")
  await circle.submit(circle.updating("carol", { proposals: [remove("bob")] }))
  await circle.settle()
  expect(names(circle)).toEqual(["alice", "carol"])
})

test("an epoch keeps a bounded number of those who leave; who comes later waits for an update", async () => {
  await using world = await World.start()
  const crowd = Array.from({ length: SELF_REMOVES_STORED_MAX + 1 }, (_, i) => `client ${i}`)
  const circle = await Circle.of(world, "alice", ...crowd)
  const last = crowd.at(-1) as string
  for (const name of crowd.slice(0, -1)) await circle.submit(circle.leaving(name))
  expect(await rule(circle.submit(circle.leaving(last)))).toBe("ds.proposals-pending")
  await circle.read("alice", world.take("alice"))
  await circle.submit(circle.updating("alice"))
  await circle.read(last, world.take(last))
  await circle.submit(circle.leaving(last))
})

test("a snapshot does not show that somebody leaves", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob", "carol")
  const before = rowsOf(world.store, circle.group.groupId)
  await circle.submit(circle.leaving("bob"))
  const after = rowsOf(world.store, circle.group.groupId)
  expect(after.tree).toEqual(before.tree)
  expect(after.head.ciphertext.length).toBe(before.head.ciphertext.length)
})

test("of a proposal to leave and a commit at the same time the later one learns of it", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob", "carol")
  const outcomes = await Promise.allSettled([
    circle.submit(circle.leaving("bob")),
    circle.submit(circle.updating("alice")),
  ])
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected"])
  await circle.settle()
  await circle.submit(circle.updating("alice"))
  await circle.settle()
  expect(names(circle)).toEqual(["alice", "carol"])
})
