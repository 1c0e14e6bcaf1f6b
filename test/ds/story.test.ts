import { expect, test } from "bun:test"
import { open } from "../../src/crypto/hpke.ts"
import { labels } from "../../src/crypto/labels.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import type { TsMember } from "../mls/ts-member.ts"
import {
  add,
  adding,
  byKeyPackage,
  byLeaf,
  createGroup,
  handshake,
  join,
  joinData,
  newClient,
  removing,
  sealedName,
  updating,
} from "./group.ts"
import { refusalOf, World } from "./world.ts"

test("a group is created, grows, talks, renews keys and removes a member", async () => {
  await using world = await World.start()
  const { member: alice, group } = await createGroup(world, "alice")

  const [bob] = (await add(world, group, alice, [await newClient(world, "bob")])) as [TsMember]
  const [carol] = (await add(world, group, alice, [await newClient(world, "carol")], [bob])) as [TsMember]
  expect([alice.epoch, bob.epoch, carol.epoch]).toEqual([2n, 2n, 2n])
  expect(world.take("bob").map(({ type }) => type)).toEqual(["mls"])

  const message = await bob.encrypt("hello")
  await world.call("sendMessage", byLeaf(bob), { ...group, message })
  for (const reader of [alice, carol]) {
    const [received] = world.take(reader.name)
    if (received?.type !== "mls") throw new Error("no message")
    expect(received.groupId).toEqual(group.groupId)
    expect(await reader.decrypt(received.message)).toBe("hello")
  }
  expect(world.take("bob")).toEqual([])

  const update = await updating(group, bob)
  await world.call("updateClient", byLeaf(bob), update.params)
  update.pending.accept()
  await alice.process(update.pending.commit)
  await carol.process(update.pending.commit)
  expect(world.take("alice")).toHaveLength(1)
  expect(world.take("carol")).toHaveLength(1)

  const removal = await removing(group, alice, [carol.leaf])
  await world.call("removeUsers", byLeaf(alice), removal.params)
  removal.pending.accept()
  await bob.process(removal.pending.commit)
  expect(world.take("carol")).toHaveLength(1)
  expect(world.take("bob")).toHaveLength(1)

  await world.call("sendMessage", byLeaf(alice), { ...group, message: await alice.encrypt("without carol") })
  expect(world.take("bob")).toHaveLength(1)
  expect(world.take("carol")).toEqual([])
  const late = { ...group, message: await carol.encrypt("still here") }
  expect((await refusalOf(world.call("sendMessage", byLeaf(carol), late))).code).toBe("auth.refused")
})

test("joiners get the Welcome, the EAR key sealed to their KeyPackage and their attribution", async () => {
  await using world = await World.start()
  const { member: alice, group } = await createGroup(world, "alice")
  const who = [await newClient(world, "bob"), await newClient(world, "carol")]
  const { params } = await adding(group, alice, who)
  await world.call("addUsers", byLeaf(alice), params)
  for (const joiner of who) {
    const [message] = world.take(joiner.name)
    if (message?.type !== "welcome") throw new Error("no Welcome")
    const { epoch, welcome, sealedEarKey, attribution } = message.bundle
    expect(epoch).toBe(1n)
    expect(welcome).toEqual(params.welcome)
    expect(attribution).toEqual(utf8(`attribution for ${joiner.name}`))
    expect(
      open(nativeCrypto, joiner.initSecretKey, labels.welcomeEarKey, group.groupId, sealedEarKey),
    ).toEqual(group.earKey)
  }
})

test("a connection group is joined by an external commit", async () => {
  await using world = await World.start()
  const { member: alice, group } = await createGroup(world, "alice")
  const info = await world.ask("externalCommitInfo", group)
  expect(info.groupInfo).toEqual(await alice.groupInfo())
  expect(info.encryptedCredentials).toEqual([{ leaf: 0, credential: sealedName("alice") }])

  const who = await newClient(world, "bob")
  const joining = await who.joinExternally(info.groupInfo, info.ratchetTree, joinData("bob"))
  const params = { ...handshake(group, joining), queueConfig: who.queueConfig }
  await world.ask("joinConnectionGroup", params)
  const [commit] = world.take("alice")
  if (commit?.type !== "mls") throw new Error("no commit")
  expect(commit.message).toEqual(joining.commit)
  expect((await world.ask("externalCommitInfo", group)).encryptedCredentials).toEqual([
    { leaf: 0, credential: sealedName("alice") },
    { leaf: 1, credential: sealedName("bob") },
  ])

  await world.call("sendMessage", byLeaf(joining.member), {
    ...group,
    message: await joining.member.encrypt("hi"),
  })
  expect(world.take("alice")).toHaveLength(1)
  await world.ask("joinConnectionGroup", params)
  expect(world.take("alice")).toEqual([])
})

test("a joiner gets the tree of its epoch however many commits later, until it commits", async () => {
  await using world = await World.start()
  const { member: alice, group } = await createGroup(world, "alice")
  const bob = await newClient(world, "bob")
  const dave = await newClient(world, "dave")
  const first = await adding(group, alice, [bob])
  await world.call("addUsers", byLeaf(alice), first.params)
  first.pending.accept()
  const trees = [await alice.ratchetTree()]
  for (const name of ["carol", "erin"]) {
    const next = await adding(group, alice, [await newClient(world, name)])
    await world.call("addUsers", byLeaf(alice), next.params)
    next.pending.accept()
    trees.push(await alice.ratchetTree())
  }
  const last = await adding(group, alice, [dave])
  await world.call("addUsers", byLeaf(alice), last.params)
  last.pending.accept()
  trees.push(await alice.ratchetTree())
  const removal = await removing(group, alice, [2])
  await world.call("removeUsers", byLeaf(alice), removal.params)
  removal.pending.accept()

  const then = await world.call("welcomeInfo", byKeyPackage(bob), { ...group, epoch: 1 })
  expect(then.ratchetTree).toEqual(trees[0] as Uint8Array)
  expect(then.encryptedCredentials).toEqual([
    { leaf: 0, credential: sealedName("alice") },
    { leaf: 1, credential: sealedName("bob") },
  ])
  const later = await world.call("welcomeInfo", byKeyPackage(dave), { ...group, epoch: 4 })
  expect(later.ratchetTree).toEqual(trees[3] as Uint8Array)
  expect(later.encryptedCredentials.map(({ leaf }) => leaf)).toEqual([0, 1, 2, 3, 4])

  for (const [who, epoch] of [
    [bob, 2],
    [dave, 1],
    [dave, 5],
  ] as const) {
    const asked = world.call("welcomeInfo", byKeyPackage(who), { ...group, epoch })
    expect((await refusalOf(asked)).code).toBe("auth.refused")
  }

  const joined = await join(world, group, bob, 1)
  for (const message of world.take("bob")) if (message.type === "mls") await joined.process(message.message)
})

test("what the service knows survives a restart", async () => {
  await using world = await World.start()
  const { member: alice, group } = await createGroup(world, "alice")
  await world.restart()
  const bob = await newClient(world, "bob")
  const { pending, params } = await adding(group, alice, [bob])
  await world.call("addUsers", byLeaf(alice), params)
  pending.accept()
  await world.restart()
  const joined = await join(world, group, bob, 1)
  await world.call("sendMessage", byLeaf(joined), { ...group, message: await joined.encrypt("back") })
  expect(world.take("alice")).toHaveLength(1)
})
