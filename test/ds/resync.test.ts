import { describe, expect, test } from "bun:test"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { operationRules as rules } from "../../src/ds/operation-rules.ts"
import { externalPskProposal } from "../../src/mls/index.ts"
import { suite1 } from "../../src/mls/suites/suite1.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import { Circle, type Request } from "./circle.ts"
import { sealedName } from "./group.ts"
import { contents } from "./rows.ts"
import { brokenRule, World } from "./world.ts"

describe("a member that lost its state", () => {
  test("comes back in its place, with its queue and role, and everybody follows", async () => {
    await using world = await World.start()
    const circle = await Circle.of(world, "alice", "bob", "carol")
    await circle.submit(circle.updating("carol"))
    await circle.submit(await circle.resyncing("alice"))
    await circle.settle()
    expect(circle.members).toHaveLength(3)
    expect([circle.person("alice").leaf, circle.admins]).toEqual([0, ["alice"]])
    await circle.submit(circle.sending("bob", "welcome back"))
    await circle.settle()
    expect(circle.person("alice").read).toEqual(["welcome back"])
    await circle.submit(circle.adding("alice", ["dave"]))
    await circle.settle()
    expect(circle.members).toHaveLength(4)
  })

  test("comes back in another place if one before it is free, and stays an admin there", async () => {
    await using world = await World.start()
    const circle = await Circle.of(world, "alice", "bob", "carol")
    await circle.submit(circle.changingRoles("alice", ["alice", "carol"]))
    await circle.settle()
    await circle.submit(circle.removing("alice", ["bob"]))
    await circle.settle()
    expect(circle.person("carol").leaf).toBe(2)
    await circle.submit(await circle.resyncing("carol"))
    await circle.settle()
    expect([circle.person("carol").leaf, circle.admins]).toEqual([1, ["alice", "carol"]])
    const { encryptedCredentials } = await world.ask("externalCommitInfo", circle.group)
    expect(encryptedCredentials).toEqual([
      { leaf: 0, credential: sealedName("alice") },
      { leaf: 1, credential: sealedName("carol") },
    ])
    await circle.submit(circle.sending("alice", "hello"))
    await circle.submit(circle.removing("carol", ["alice"]))
    await circle.settle()
    expect([circle.person("carol").read, circle.admins]).toEqual([["hello"], ["carol"]])
  })

  test("can repeat the request, from the leaf that it had, and changes nothing by it", async () => {
    await using world = await World.start()
    const circle = await Circle.of(world, "alice", "bob", "carol")
    await circle.submit(circle.removing("alice", ["bob"]))
    await circle.settle()
    const request = await circle.resyncing("carol")
    await circle.submit(request)
    const after = contents(world.store)
    await world.restart()
    await circle.submit(request)
    expect(contents(world.store)).toBe(after)
    expect(world.take("alice")).toHaveLength(1)
    const others = [
      { ...request, signer: circle.person("alice").byLeaf },
      { ...request, signer: circle.person("carol").byLeaf },
    ]
    for (const other of others) expect(await brokenRule(circle.submit(other))).toBe("ds.wrong-epoch")
  })

  test("alone in its group comes back as well, and brings a new encrypted credential", async () => {
    await using world = await World.start()
    const circle = await Circle.of(world, "alice")
    await circle.submit(
      await circle.resyncing("alice", { authenticatedData: Uint8Array.of(3, ...utf8("new")) }),
    )
    const { encryptedCredentials } = await world.ask("externalCommitInfo", circle.group)
    expect(encryptedCredentials).toEqual([{ leaf: 0, credential: utf8("new") }])
    await circle.submit(circle.updating("alice"))
  })
})

test("nobody replaces another's leaf, joins anew or does anything else by a resync", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob", "carol")
  const bob = circle.person("bob")
  const own = await circle.resyncing("bob")
  const stranger = { ...bob.leafContent, signatureSecret: nativeCrypto.random(32) }
  const ofAlice = await circle.resyncing("bob", { replaces: circle.person("alice").leaf, leaf: stranger })
  const anew = await circle.resyncing("bob", { leaf: stranger })
  const takenOver = await circle.resyncing("alice", { leaf: stranger })
  const psk = externalPskProposal(suite1(nativeCrypto), utf8("psk"))
  const withPsk = await circle.resyncing("bob", { pskProposals: [psk], psks: () => nativeCrypto.random(32) })
  const before = contents(world.store)
  const cases: [string, Request<"resync">, string][] = [
    ["a leaf that is another's", ofAlice, rules.onlyResync.id],
    ["another's, with its request", { ...ofAlice, signer: circle.person("alice").byLeaf }, rules.keptKey.id],
    ["another's, by its own request", { ...takenOver, signer: bob.byLeaf }, rules.onlyResync.id],
    ["the request of another member", { ...own, signer: circle.person("carol").byLeaf }, rules.onlyResync.id],
    ["another key", anew, rules.keptKey.id],
    ["a PSK besides", withPsk, rules.onlyResync.id],
    [
      "no credential",
      await circle.resyncing("bob", { authenticatedData: new Uint8Array(0) }),
      "ds.invalid-message",
    ],
    ["a member's commit", { ...own, params: circle.updating("bob").params }, rules.externalCommit.id],
  ]
  for (const [name, request, rule] of cases) {
    expect([name, await brokenRule(circle.submit(request))]).toEqual([name, rule])
  }
  const queueConfig = world.queueConfig("mallory")
  const asJoin = world.ask("joinConnectionGroup", { ...own.params, queueConfig })
  expect(await brokenRule(asJoin)).toBe(rules.onlyJoins.id)
  const asUpdate = { ...own, operation: "updateClient" as const }
  expect(await brokenRule(circle.submit(asUpdate))).toBe(rules.ownCommit.id)
  expect(contents(world.store)).toBe(before)
  for (const name of ["alice", "bob", "carol", "mallory"]) expect(world.take(name)).toEqual([])
})

test("of a resync and a commit at the same time one is accepted", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob")
  const resync = await circle.resyncing("bob")
  const outcomes = await Promise.allSettled([circle.submit(resync), circle.submit(circle.updating("alice"))])
  expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"])
})
