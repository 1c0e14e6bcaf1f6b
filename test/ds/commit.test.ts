import { expect, test } from "bun:test"
import { nativeCrypto } from "../../src/crypto/native.ts"
import type { CommitParams } from "../../src/ds/commit.ts"
import { type OperationRule, operationRules as rules } from "../../src/ds/operation-rules.ts"
import type { TsMember } from "../mls/ts-member.ts"
import {
  add,
  adding,
  addUsersData,
  byLeaf,
  createGroup,
  handshake,
  joinData,
  newClient,
  removing,
  sealedName,
  unreachableClient,
  updateClientData,
  updating,
} from "./group.ts"
import { contents } from "./rows.ts"
import { brokenRule, refusalOf, World } from "./world.ts"

/** alice, bob and carol in one group. */
async function three(world: World) {
  const { member: alice, group } = await createGroup(world, "alice")
  const who = [await newClient(world, "bob"), await newClient(world, "carol")]
  const [bob, carol] = (await add(world, group, alice, who)) as [TsMember, TsMember]
  return { alice, bob, carol, group }
}

test("of two commits for one epoch exactly one is accepted", async () => {
  await using world = await World.start()
  const { alice, bob, carol, group } = await three(world)
  const first = await updating(group, alice)
  const second = await updating(group, bob)
  const outcomes = await Promise.allSettled([
    world.call("updateClient", byLeaf(alice), first.params),
    world.call("updateClient", byLeaf(bob), second.params),
  ])
  const accepted = outcomes.filter(({ status }) => status === "fulfilled")
  const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason.code] : []))
  expect(accepted).toHaveLength(1)
  expect(refused).toEqual(["ds.wrong-epoch"])
  expect(world.take("carol")).toHaveLength(1)
  const winner = outcomes[0]?.status === "fulfilled" ? first : second
  await carol.process(winner.pending.commit)
  expect((await world.ask("externalCommitInfo", group)).ratchetTree).toEqual(await carol.ratchetTree())
})

test("a commit that lost stays refused, also one after the other", async () => {
  await using world = await World.start()
  const { alice, bob, group } = await three(world)
  const first = await updating(group, alice)
  const second = await updating(group, bob)
  await world.call("updateClient", byLeaf(alice), first.params)
  const before = contents(world.store)
  const refusal = await refusalOf(world.call("updateClient", byLeaf(bob), second.params))
  expect(refusal.code).toBe("ds.wrong-epoch")
  expect(contents(world.store)).toBe(before)
})

test("a message of an epoch never comes after the commit that ended it", async () => {
  await using world = await World.start()
  const { alice, bob, group } = await three(world)
  const update = await updating(group, alice)
  const late = { ...group, message: await bob.encrypt("too late") }
  const [committed, sent] = await Promise.allSettled([
    world.call("updateClient", byLeaf(alice), update.params),
    world.call("sendMessage", byLeaf(bob), late),
  ])
  expect(committed.status).toBe("fulfilled")
  expect(sent.status === "rejected" && sent.reason.code).toBe("ds.wrong-epoch")
  expect(world.take("carol")).toHaveLength(1)
})

test("the same commit again gets the same answer and changes nothing", async () => {
  await using world = await World.start()
  const { alice, carol, group } = await three(world)
  const update = await updating(group, alice)
  await world.call("updateClient", byLeaf(alice), update.params)
  update.pending.accept()
  await carol.process(update.pending.commit)
  const removal = await removing(group, alice, [1])
  await world.call("removeUsers", byLeaf(alice), removal.params)
  const before = contents(world.store)
  world.take("bob")
  world.take("carol")
  await world.call("removeUsers", byLeaf(alice), removal.params)
  await world.restart()
  await world.call("removeUsers", byLeaf(alice), removal.params)
  expect(contents(world.store)).toBe(before)
  expect(world.take("bob")).toEqual([])
  expect(world.take("carol")).toEqual([])

  const elsewhere = await refusalOf(world.call("updateClient", byLeaf(alice), removal.params))
  expect(elsewhere.code).toBe("ds.wrong-epoch")
  const byOther = await refusalOf(world.call("updateClient", byLeaf(carol), removal.params))
  expect(byOther.code).toBe("ds.wrong-epoch")
  const older = await refusalOf(world.call("updateClient", byLeaf(alice), update.params))
  expect(older.code).toBe("ds.wrong-epoch")
})

test("the same commit twice at once is accepted once", async () => {
  await using world = await World.start()
  const { alice, group } = await three(world)
  const { params } = await updating(group, alice)
  await Promise.all([1, 2, 3].map(() => world.call("updateClient", byLeaf(alice), params)))
  expect(world.take("bob")).toHaveLength(1)
})

test("a client that renewed its signature key can repeat the commit with the old one", async () => {
  await using world = await World.start()
  const { bob, carol, group } = await three(world)
  const newSeed = nativeCrypto.random(32)
  const rotation = await bob.rotating(newSeed, updateClientData(undefined))
  const params = handshake(group, rotation)
  await world.call("updateClient", byLeaf(bob), params)
  await world.call("updateClient", byLeaf(bob), params)
  expect(world.take("carol")).toHaveLength(1)
  const renewed = { ...byLeaf(bob), seed: newSeed }
  const other = await carol.encrypt("hello")
  const epoch = await refusalOf(world.call("sendMessage", renewed, { ...group, message: other }))
  expect(epoch.code).toBe("ds.wrong-epoch")
  const old = await refusalOf(world.call("sendMessage", byLeaf(bob), { ...group, message: other }))
  expect(old.code).toBe("auth.refused")
})

test("each operation accepts only its own kind of commit, from the leaf that signed", async () => {
  await using world = await World.start()
  const { alice, bob, group } = await three(world)
  const dave = await newClient(world, "dave")
  const addition = await adding(group, alice, [dave])
  const removal = await removing(group, alice, [2])
  const update = await updating(group, alice)
  const mixed = await alice.commit({ add: [dave.keyPackage], remove: [2] })
  const talkative = await alice.commit({ remove: [2], authenticatedData: updateClientData("alice") })
  const extra = { welcome: addition.params.welcome, attributions: addition.params.attributions }
  const before = contents(world.store)
  const add = (params: object) => () =>
    world.call("addUsers", byLeaf(alice), { ...extra, ...params } as never)
  const remove = (params: CommitParams) => () => world.call("removeUsers", byLeaf(alice), params)
  const renew = (by: TsMember, params: CommitParams) => () => world.call("updateClient", byLeaf(by), params)
  const join = () => world.ask("joinConnectionGroup", { ...update.params, queueConfig: dave.queueConfig })
  const cases: [string, () => Promise<unknown>, OperationRule][] = [
    ["remove as add", add(removal.params), rules.onlyAdds],
    ["update as add", add(update.params), rules.onlyAdds],
    ["mixed as add", add(handshake(group, mixed)), rules.onlyAdds],
    ["add as remove", remove(handshake(group, addition.pending)), rules.onlyRemoves],
    ["update as remove", remove(update.params), rules.onlyRemoves],
    ["mixed as remove", remove(handshake(group, mixed)), rules.onlyRemoves],
    ["remove with a credential", remove(handshake(group, talkative)), rules.noData],
    ["add as update", renew(alice, handshake(group, addition.pending)), rules.onlyUpdate],
    ["remove as update", renew(alice, removal.params), rules.onlyUpdate],
    ["another's commit", renew(bob, update.params), rules.ownCommit],
    ["member's commit as join", join, rules.externalCommit],
  ]
  for (const [name, call, rule] of cases) {
    expect([name, await brokenRule(call())]).toEqual([name, rule.id])
  }
  expect(contents(world.store)).toBe(before)
  for (const name of ["alice", "bob", "carol", "dave"]) expect(world.take(name)).toEqual([])
})

test("an external commit joins only groups of one, with one credential and a queue of this server", async () => {
  await using world = await World.start()
  const { member: alice, group } = await createGroup(world, "alice")
  const { groupInfo, ratchetTree } = await world.ask("externalCommitInfo", group)
  const bob = await newClient(world, "bob")
  const joining = await bob.joinExternally(groupInfo, ratchetTree, joinData("bob"))
  const without = await bob.joinExternally(groupInfo, ratchetTree, new Uint8Array(0))
  const params = { ...handshake(group, joining), queueConfig: bob.queueConfig }
  const join = (change: object) => () => world.ask("joinConnectionGroup", { ...params, ...change })
  const update = () => world.call("updateClient", byLeaf(alice), handshake(group, joining))
  const cases: [string, () => Promise<unknown>, string][] = [
    ["no credential", join(handshake(group, without)), "ds.invalid-message"],
    ["foreign queue", join({ queueConfig: world.queueConfig("bob", "other.org") }), rules.ownQueue.id],
    ["no queue config", join({ queueConfig: new Uint8Array(9) }), rules.ownQueue.id],
    ["as an update", update, rules.ownCommit.id],
  ]
  for (const [name, call, rule] of cases) expect([name, await brokenRule(call())]).toEqual([name, rule])
  world.fanout.gone.add("bob")
  expect(await brokenRule(join({})())).toBe(rules.livingQueue.id)
  world.fanout.gone.clear()
  await world.ask("joinConnectionGroup", params)

  const second = await world.ask("externalCommitInfo", group)
  const carol = await newClient(world, "carol")
  const third = await carol.joinExternally(second.groupInfo, second.ratchetTree, joinData("carol"))
  const late = { ...handshake(group, third), queueConfig: carol.queueConfig }
  expect(await brokenRule(world.ask("joinConnectionGroup", late))).toBe(rules.groupOfOne.id)
})

test("adding takes a credential, an attribution, a share of the Welcome and a queue for each joiner", async () => {
  await using world = await World.start()
  const { member: alice, group } = await createGroup(world, "alice")
  const bob = await newClient(world, "bob")
  const carol = await newClient(world, "carol")
  const { params } = await adding(group, alice, [bob, carol])
  const one = await adding(group, alice, [bob])
  const others = await adding(group, alice, [bob, await newClient(world, "dave")])
  const noData = await alice.commit({ add: [bob.keyPackage, carol.keyPackage] })
  const oneCredential = await alice.commit({
    add: [bob.keyPackage, carol.keyPackage],
    authenticatedData: addUsersData(["bob"]),
  })
  const unqueued = await adding(group, alice, [await unreachableClient(world, "dave")])
  const foreign = await adding(group, alice, [
    await newClient(world, "erin", world.queueConfig("erin", "b.org")),
  ])
  const gone = await adding(group, alice, [await newClient(world, "frank")])
  world.fanout.gone.add("frank")
  const [attribution] = params.attributions as [Uint8Array]
  const before = contents(world.store)
  const threeAttributions = { attributions: [attribution, attribution, attribution] }
  const cases: [string, object, string][] = [
    ["one attribution", { attributions: [attribution] }, rules.attributionPerAdd.id],
    ["three attributions", threeAttributions, rules.attributionPerAdd.id],
    ["one credential", handshake(group, oneCredential), rules.credentialPerAdd.id],
    ["Welcome for one", { welcome: one.params.welcome }, rules.welcomePerAdd.id],
    ["Welcome for others", { welcome: others.params.welcome }, rules.welcomePerAdd.id],
    ["Welcome that is a commit", { welcome: params.commit }, rules.welcomePerAdd.id],
    ["Welcome that is nothing", { welcome: params.welcome.subarray(1) }, "ds.invalid-message"],
    ["no credentials", handshake(group, noData), "ds.invalid-message"],
    ["KeyPackage without queue", unqueued.params, rules.ownQueue.id],
    ["KeyPackage with a foreign queue", foreign.params, rules.ownQueue.id],
    ["KeyPackage whose queue is gone", gone.params, rules.livingQueue.id],
  ]
  for (const [name, change, rule] of cases) {
    const call = world.call("addUsers", byLeaf(alice), { ...params, ...change })
    expect([name, await brokenRule(call)]).toEqual([name, rule])
  }
  expect(contents(world.store)).toBe(before)
  await world.call("addUsers", byLeaf(alice), params)
})

test("a changed credential needs its encryption, which then replaces the old one", async () => {
  await using world = await World.start()
  const { alice, group } = await three(world)
  alice.renameTo("alice the second")
  const silent = await updating(group, alice)
  const silently = world.call("updateClient", byLeaf(alice), silent.params)
  expect(await brokenRule(silently)).toBe(rules.credentialAnnounced.id)
  const inPassing = await removing(group, alice, [2])
  const removed = world.call("removeUsers", byLeaf(alice), inPassing.params)
  expect(await brokenRule(removed)).toBe(rules.credentialAnnounced.id)
  const said = await updating(group, alice, "alice the second")
  await world.call("updateClient", byLeaf(alice), said.params)
  const { encryptedCredentials } = await world.ask("externalCommitInfo", group)
  expect(encryptedCredentials[0]).toEqual({ leaf: 0, credential: sealedName("alice the second") })
})
