import { expect, test } from "bun:test"
import { nativeCrypto } from "../../src/crypto/native.ts"
import type { Problem } from "../../src/wire/problem.ts"
import { Circle, type Request } from "./circle.ts"
import {
  adding,
  byKeyPackage,
  byLeaf,
  createGroup,
  creation,
  handshake,
  joinData,
  newClient,
} from "./group.ts"
import { contents } from "./rows.ts"
import { refusalOf, type SignedOperation, type Signer, World } from "./world.ts"

/** All that a refusal can tell. */
function told({ code, rule, status, message }: Problem): string {
  return JSON.stringify({ code, rule, status, message })
}

const REFUSED = JSON.stringify({ code: "auth.refused", status: 403, message: "auth.refused" })

/** Each operation that a member signs, as alice would do it in a group with bob; alice is an admin. */
async function operationsOf(circle: Circle): Promise<{ readonly [K in MemberOperation]: Request<K> }> {
  return {
    addUsers: circle.adding("alice", ["carol"]),
    removeUsers: circle.removing("alice", ["bob"]),
    updateClient: circle.updating("alice"),
    changeRoles: circle.changingRoles("alice", ["bob"]),
    resync: await circle.resyncing("alice"),
    selfRemove: circle.leaving("alice"),
    deleteGroup: circle.deleting("alice"),
    updateQueueConfig: circle.changingQueue("alice", circle.person("bob").queueConfig),
    sendMessage: circle.sending("alice", "hello"),
  }
}

type MemberOperation = Exclude<SignedOperation, "createGroup" | "welcomeInfo">

test("unknown group, wrong EAR key, bad signature and empty leaf are one refusal that changes nothing", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob")
  const { sender, seed } = circle.person("alice").byLeaf
  const other = circle.person("bob").byLeaf.seed
  const signers: Signer[] = [
    { sender, seed: nativeCrypto.random(32) },
    { sender, seed: other },
    { sender: { kind: "leaf", leaf: 2 }, seed },
    { sender: { kind: "leaf", leaf: 19_999 }, seed },
    { sender: { kind: "kpref", id: nativeCrypto.random(32) }, seed },
  ]
  const before = contents(world.store)
  for (const request of Object.values<Request>(await operationsOf(circle))) {
    const changes = [{ groupId: nativeCrypto.random(16) }, { earKey: nativeCrypto.random(32) }]
    const attempts: Request[] = [
      ...changes.map((change) => ({ ...request, params: { ...request.params, ...change } }) as Request),
      ...signers.map((signer) => ({ ...request, signer })),
    ]
    for (const attempt of attempts) {
      const refusal = told(await refusalOf(circle.submit(attempt)))
      expect([request.operation, refusal]).toEqual([request.operation, REFUSED])
    }
  }
  expect(contents(world.store)).toBe(before)
  expect(world.take("bob")).toEqual([])
})

test("a member that was removed is a stranger", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "bob", "alice")
  await circle.submit(circle.changingRoles("bob", ["bob", "alice"]))
  await circle.settle()
  const requests = Object.values<Request>(await operationsOf(circle))
  await circle.submit(circle.removing("bob", ["alice"]))
  const before = contents(world.store)
  for (const request of requests) expect(told(await refusalOf(circle.submit(request)))).toBe(REFUSED)
  expect(contents(world.store)).toBe(before)
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
