import { expect, test } from "bun:test"
import { decodeMlsMessage } from "../../src/mls/index.ts"
import type { TsMember } from "../mls/ts-member.ts"
import { Circle } from "./circle.ts"
import { add, byLeaf, createGroup, newClient, removing, updating } from "./group.ts"
import { RealQueues } from "./real-queues.ts"
import { contents } from "./rows.ts"
import { refusalOf, START, World } from "./world.ts"

function isCommit(message: Uint8Array): boolean {
  return decodeMlsMessage(message).kind === "publicMessage"
}

/** The delivery service and the queuing service in one database. */
async function start(names: readonly string[]): Promise<World & { readonly queues: RealQueues }> {
  const queues = new RealQueues(() => START)
  const world = await World.start(queues)
  for (const name of names) await queues.register(name)
  return Object.assign(world, { queues })
}

test("commits, Welcomes and messages reach the members' queues in the order of acceptance", async () => {
  await using world = await start(["alice", "bob", "carol"])
  const { member: alice, group } = await createGroup(world, "alice")
  const who = [await newClient(world, "bob"), await newClient(world, "carol")]
  const [bob, carol] = (await add(world, group, alice, who)) as [TsMember, TsMember]
  const texts = ["one", "two", "three", "four"]
  for (const text of texts) {
    if (text === "three") await world.restart()
    await world.call("sendMessage", byLeaf(alice), { ...group, message: await alice.encrypt(text) })
  }
  const update = await updating(group, bob)
  await world.call("updateClient", byLeaf(bob), update.params)
  update.pending.accept()
  await alice.process(update.pending.commit)
  const removal = await removing(group, alice, [bob.leaf])
  await world.call("removeUsers", byLeaf(alice), removal.params)

  const read: string[] = []
  for (const message of world.take("carol")) {
    if (message.type !== "mls") throw new Error("not an MLS message")
    if (read.length < texts.length) read.push(await carol.decrypt(message.message))
    else await carol.process(message.message)
  }
  expect(read).toEqual(texts)
  expect(carol.epoch).toBe(3n)
  const commitsTo = (name: string) =>
    world
      .take(name)
      .flatMap((one) => (one.type === "mls" ? [one.message] : []))
      .filter(isCommit)
  expect(commitsTo("alice")).toEqual([update.pending.commit])
  expect(commitsTo("bob")).toEqual([removal.pending.commit])
})

test("sends at once reach everybody, and of the tickets made meanwhile one set is kept", async () => {
  await using world = await start(["alice", "bob", "carol"])
  const { member: alice, group } = await createGroup(world, "alice")
  const who = [await newClient(world, "bob"), await newClient(world, "carol")]
  const [bob] = (await add(world, group, alice, who)) as [TsMember]
  const sends: [TsMember, Uint8Array][] = []
  for (let i = 0; i < 20; i++) {
    const by = i % 2 === 0 ? alice : bob
    sends.push([by, await by.encrypt(`message ${i}`)])
  }
  await Promise.all(
    sends.map(([by, message]) => world.call("sendMessage", byLeaf(by), { ...group, message })),
  )
  expect(world.take("carol").filter(({ type }) => type === "mls")).toHaveLength(20)
  const before = contents(world.store)
  await world.call("sendMessage", byLeaf(alice), { ...group, message: await alice.encrypt("last") })
  expect(contents(world.store)).toBe(before)
})

test("a queue config that nobody could be reached under does not get into a group", async () => {
  await using world = await start(["alice", "bob"])
  const { member: alice, group } = await createGroup(world, "alice")
  const config = world.queueConfig("bob")
  const forged = config.map((byte, i) => (i === config.length - 1 ? byte ^ 1 : byte))
  const before = contents(world.store)
  const adding = add(world, group, alice, [await newClient(world, "bob", forged)])
  expect((await refusalOf(adding)).code).toBe("ds.not-allowed")
  expect(contents(world.store)).toBe(before)
})

test("a commit comes before the removals that it led to, in every queue, and a queue that is gone stops nothing", async () => {
  await using world = await start(["alice", "bob", "carol", "dave"])
  const circle = await Circle.of(world, "alice", "bob", "carol")
  circle.lose("carol")
  await world.queues.drop("carol")
  await world.restart()
  await Promise.all([
    circle.submit(circle.sending("bob", "before or after")),
    circle.submit(circle.adding("alice", ["dave"])),
  ])
  const [toBob, toDave] = ["bob", "dave"].map((name) => world.take(name))
  expect(toBob?.map(({ type }) => type)).toEqual(["mls", "proposals"])
  expect(toDave?.map(({ type }) => type)).toEqual(["welcome", "proposals"])
  await circle.read("bob", toBob ?? [])
  await circle.read("dave", toDave ?? [])
  await circle.settle()
  await circle.submit(circle.updating("dave"))
  await circle.settle()
  expect(circle.members.map(({ name }) => name)).toEqual(["alice", "bob", "dave"])
  expect(circle.person("alice").read).toEqual(["before or after"])
})
