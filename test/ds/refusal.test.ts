import { expect, test } from "bun:test"
import { nativeCrypto } from "../../src/crypto/native.ts"
import type { Problem } from "../../src/wire/problem.ts"
import type { TsMember } from "../mls/ts-member.ts"
import {
  add,
  adding,
  byKeyPackage,
  byLeaf,
  createGroup,
  creation,
  handshake,
  joinData,
  newClient,
  removing,
  updating,
} from "./group.ts"
import { contents } from "./rows.ts"
import { refusalOf, type Signer, World } from "./world.ts"

/** All that a refusal can tell. */
function told({ code, rule, status, message }: Problem): string {
  return JSON.stringify({ code, rule, status, message })
}

const REFUSED = JSON.stringify({ code: "auth.refused", status: 403, message: "auth.refused" })

/** A group of alice and bob, and each signed operation on it as alice would do it. */
async function stage(world: World) {
  const { member: alice, group } = await createGroup(world, "alice")
  const [bob] = (await add(world, group, alice, [await newClient(world, "bob")])) as [TsMember]
  const carol = await newClient(world, "carol")
  const operations = {
    addUsers: (await adding(group, alice, [carol])).params,
    removeUsers: (await removing(group, alice, [bob.leaf])).params,
    updateClient: (await updating(group, alice)).params,
    sendMessage: { ...group, message: await alice.encrypt("hello") },
  }
  const names = Object.keys(operations) as (keyof typeof operations)[]
  const attempt = (name: (typeof names)[number], signer: Signer, change: object = {}) =>
    refusalOf(world.call(name, signer, { ...operations[name], ...change } as never))
  return { alice, bob, group, names, attempt }
}

test("unknown group, wrong EAR key, bad signature and empty leaf are one refusal that changes nothing", async () => {
  await using world = await World.start()
  const { alice, bob, names, attempt } = await stage(world)
  const before = contents(world.store)
  for (const name of names) {
    const refusals = [
      await attempt(name, byLeaf(alice), { groupId: nativeCrypto.random(16) }),
      await attempt(name, byLeaf(alice), { earKey: nativeCrypto.random(32) }),
      await attempt(name, { ...byLeaf(alice), seed: nativeCrypto.random(32) }),
      await attempt(name, { ...byLeaf(alice), seed: bob.seed }),
      await attempt(name, { sender: { kind: "leaf", leaf: 2 }, seed: alice.seed }),
      await attempt(name, { sender: { kind: "leaf", leaf: 19_999 }, seed: alice.seed }),
      await attempt(name, { sender: { kind: "kpref", id: nativeCrypto.random(32) }, seed: alice.seed }),
    ]
    expect(refusals.map(told)).toEqual(refusals.map(() => REFUSED))
  }
  expect(contents(world.store)).toBe(before)
  expect(world.take("bob")).toEqual([])
})

test("who does not know the EAR key learns nothing about joining", async () => {
  await using world = await World.start()
  const { member: alice, group } = await createGroup(world, "alice")
  const bob = await newClient(world, "bob")
  const { pending, params } = await adding(group, alice, [bob])
  await world.call("addUsers", byLeaf(alice), params)
  pending.accept()
  const unknown = { ...group, groupId: nativeCrypto.random(16) }
  const wrong = { ...group, earKey: nativeCrypto.random(32) }
  const stranger = { ...byKeyPackage(bob), seed: nativeCrypto.random(32) }
  const other = await newClient(world, "other")
  const refusals = [
    () => world.ask("externalCommitInfo", unknown),
    () => world.ask("externalCommitInfo", wrong),
    () => world.call("welcomeInfo", byKeyPackage(bob), { ...unknown, epoch: 1 }),
    () => world.call("welcomeInfo", byKeyPackage(bob), { ...wrong, epoch: 1 }),
    () => world.call("welcomeInfo", byKeyPackage(bob), { ...group, epoch: 0 }),
    () => world.call("welcomeInfo", byKeyPackage(other), { ...group, epoch: 1 }),
    () => world.call("welcomeInfo", stranger, { ...group, epoch: 1 }),
    () => world.call("welcomeInfo", byLeaf(alice), { ...group, epoch: 1 }),
  ]
  for (const refusal of refusals) expect(told(await refusalOf(refusal()))).toBe(REFUSED)
})

test("joining a connection group takes the EAR key", async () => {
  await using world = await World.start()
  const { group } = await createGroup(world, "alice")
  const { groupInfo, ratchetTree } = await world.ask("externalCommitInfo", group)
  const bob = await newClient(world, "bob")
  const joining = await bob.joinExternally(groupInfo, ratchetTree, joinData("bob"))
  const params = { ...handshake(group, joining), queueConfig: bob.queueConfig }
  const before = contents(world.store)
  for (const change of [{ groupId: nativeCrypto.random(16) }, { earKey: nativeCrypto.random(32) }]) {
    const refusal = await refusalOf(world.ask("joinConnectionGroup", { ...params, ...change }))
    expect(told(refusal)).toBe(REFUSED)
  }
  expect(contents(world.store)).toBe(before)
})

test("a group is created only under an id that was reserved, by its creator, once", async () => {
  await using world = await World.start()
  const { member: alice, params } = await creation(world, "alice")
  const before = contents(world.store)
  const attempts = [
    () => world.call("createGroup", byLeaf(alice), { ...params, groupId: nativeCrypto.random(16) }),
    () => world.call("createGroup", { ...byLeaf(alice), seed: nativeCrypto.random(32) }, params),
    () => world.call("createGroup", { sender: { kind: "leaf", leaf: 1 }, seed: alice.seed }, params),
  ]
  for (const attempt of attempts) expect(told(await refusalOf(attempt()))).toBe(REFUSED)
  expect(contents(world.store)).toBe(before)

  await world.call("createGroup", byLeaf(alice), params)
  const created = contents(world.store)
  await world.call("createGroup", byLeaf(alice), params)
  expect(contents(world.store)).toBe(created)
  const theirs = { ...params, earKey: nativeCrypto.random(32) }
  expect(told(await refusalOf(world.call("createGroup", byLeaf(alice), theirs)))).toBe(REFUSED)
  expect(contents(world.store)).toBe(created)
})

test("a reservation ends with its time and with the process", async () => {
  await using world = await World.start()
  const early = await creation(world, "alice")
  world.now += 3_600_001
  const late = world.call("createGroup", byLeaf(early.member), early.params)
  expect(told(await refusalOf(late))).toBe(REFUSED)
  const next = await creation(world, "bob")
  await world.restart()
  const afterwards = world.call("createGroup", byLeaf(next.member), next.params)
  expect(told(await refusalOf(afterwards))).toBe(REFUSED)
})
