import { afterAll, beforeAll, expect, test } from "bun:test"
import { memoryStore } from "../../src/client/store.ts"
import { BLOCKED_GROUPS_MAX } from "../../src/limits.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import { befriend, Person } from "./people.ts"
import { ServerUnderTest } from "./server.ts"
import { CrashingStore } from "./trouble.ts"

const server = new ServerUnderTest("--rate-limit", "off")
beforeAll(() => server.start())
afterAll(() => server.end())

/** A host with a guest in two groups, of which tests block the first. */
async function twoGroups(guest: Person): Promise<{ host: Person; ids: [string, string] }> {
  const host = await Person.register(server, "host")
  await befriend(host, guest)
  const groups = [await host.client.createGroup(), await host.client.createGroup()] as const
  for (const group of groups) await group.add(guest.user)
  await guest.until((person) => person.has("joined", 2))
  return { host, ids: [groups[0].id, groups[1].id] }
}

/** Waits until everything that the host's other group was sent before has been taken. */
async function after(host: Person, guest: Person, group: string, text: string): Promise<void> {
  await host.client.group(group).send(utf8(text))
  await guest.until((person) => person.heard().includes(`${host.user}: ${text}`))
}

test("nothing of a blocked group comes, what is queued already is passed over, and others do", async () => {
  const guest = await Person.register(server, "guest")
  const { host, ids } = await twoGroups(guest)
  const [blocked, other] = ids
  await guest.stop()
  await host.client.group(blocked).send(utf8("queued before"))
  let reachable = false
  const late = await Person.register(server, "guest", {
    store: guest.store,
    webSocket: (url) => new WebSocket(reachable ? url : "ws://127.0.0.1:1"),
  })
  await late.client.blockGroup(blocked)
  reachable = true
  await host.client.group(blocked).send(utf8("never seen"))
  await after(host, late, other, "one")
  expect(late.heard()).toEqual([`${host.user}: one`])
  await late.restart()
  expect(late.client.blockedGroups()).toEqual([blocked])
  await host.client.group(blocked).send(utf8("nor this"))
  await after(host, late, other, "two")
  expect(late.heard()).toEqual([`${host.user}: one`, `${host.user}: two`])

  await late.client.unblockGroup(blocked)
  expect([late.client.blockedGroups(), late.client.group(blocked).needsResync]).toEqual([[], false])
  await after(host, late, blocked, "three")
  expect([host.has("failed"), late.has("failed")]).toEqual([false, false])
  await Promise.all([host, late].map((person) => person.stop()))
}, 20_000)

test("a group that was unblocked after it had changed is joined again in the same place", async () => {
  const guest = await Person.register(server, "guest")
  const { host, ids } = await twoGroups(guest)
  const [blocked] = ids
  const group = guest.client.group(blocked)
  await guest.client.blockGroup(blocked)
  await host.client.group(blocked).update()
  await guest.client.unblockGroup(blocked)
  await guest.until((person) => person.has("failed"))
  expect(group.needsResync).toBe(true)
  await host.client.group(blocked).send(utf8("not readable"))
  await host.client.group(blocked).update()
  await after(host, guest, ids[1], "next")
  expect(guest.events.filter(({ type }) => type === "failed")).toHaveLength(1)
  await group.resync()
  expect(group.needsResync).toBe(false)
  await host.until(() => host.client.group(blocked).epoch === group.epoch)
  await after(host, guest, blocked, "readable")
  await group.send(utf8("and heard"))
  await host.until((person) => person.heard().length === 1)
  await Promise.all([host, guest].map((person) => person.stop()))
}, 20_000)

test("whoever was removed from a blocked group, or whose group is gone, learns it when it is unblocked", async () => {
  for (const work of ["remove", "delete"] as const) {
    const guest = await Person.register(server, "guest")
    const { host, ids } = await twoGroups(guest)
    const [blocked] = ids
    await guest.client.blockGroup(blocked)
    await host.client.group(blocked)[work](guest.user)
    await guest.client.unblockGroup(blocked)
    await guest.until((person) => person.has("left"))
    expect(guest.client.groups().map(({ id }) => id)).toEqual([ids[1]])
    expect(guest.client.blockedGroups()).toEqual([])
    await Promise.all([host, guest].map((person) => person.stop()))
  }
}, 20_000)

test("a client that crashes at any write goes on to block, and to unblock", async () => {
  for (const afterwards of [false, true]) {
    for (const write of [1, 2, 3]) {
      const store = new CrashingStore(memoryStore())
      const guest = await Person.register(server, "guest", { store })
      const { host, ids } = await twoGroups(guest)
      const [id, other] = ids
      await guest.client.caughtUp()
      for (const operation of ["blockGroup", "unblockGroup"] as const) {
        store.crashIn(write, afterwards)
        const done = await guest.client[operation](id).then(
          () => true,
          () => false,
        )
        await guest.stop()
        store.revive()
        await guest.start()
        const begun = done || afterwards || write > 1
        expect(guest.client.blockedGroups()).toEqual((operation === "blockGroup") === begun ? [id] : [])
        if (!begun) await guest.client[operation](id)
      }
      await after(host, guest, other, "other")
      let said = 0
      while (!guest.heard().some((line) => line.startsWith(`${host.user}: heard`))) {
        await host.client.group(id).send(utf8(`heard ${said++}`))
        await after(host, guest, other, `other ${said}`)
      }
      expect(guest.has("failed")).toBe(false)
      await Promise.all([host, guest].map((person) => person.stop()))
    }
  }
}, 20_000)

test("only groups of one's own are blocked, and no more than the server keeps", async () => {
  const person = await Person.register(server, "person")
  const { client } = person
  await expect(client.blockGroup("00".repeat(16))).rejects.toMatchObject({ code: "client.unknown-group" })
  for (let i = 0; i < BLOCKED_GROUPS_MAX; i++) await client.blockGroup((await client.createGroup()).id)
  const last = await client.createGroup()
  await expect(client.blockGroup(last.id)).rejects.toMatchObject({ code: "qs.too-many-blocked-groups" })
  expect(client.blockedGroups()).toHaveLength(BLOCKED_GROUPS_MAX)
  await client.unblockGroup(client.blockedGroups()[0] ?? "")
  await client.blockGroup(last.id)
  expect(client.blockedGroups()).toContain(last.id)
  await person.stop()
}, 20_000)
