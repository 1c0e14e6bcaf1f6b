import { describe, expect, test } from "bun:test"
import { CONNECTION_MESSAGE_BYTES_MAX } from "../../src/limits.ts"
import { defineTable } from "../../src/store/database.ts"
import {
  openConnectionRequest,
  sealConnectionRequest,
  verifyConnectionPackage,
} from "../../src/wire/connection.ts"
import { crypto } from "./fixtures.ts"
import { type OwnQueue, visit } from "./visit.ts"
import { problemOf, type Registered, World } from "./world.ts"

function ownQueue(world: World, client: Registered): OwnQueue {
  const { queueSecret } = client
  return { queueSecret, dequeue: (params) => world.dequeue(client, params) }
}

describe("a connection queue", () => {
  test("brings a connection request from claim to recipient, across a restart", async () => {
    await using world = await World.open()
    const sender = await world.register()
    const recipient = await world.init()
    const packageSecret = crypto.random(32)
    const queueSecret = crypto.random(32)
    await world.finish(recipient, {
      queueKey: crypto.x25519Public(queueSecret),
      connectionPackages: [world.makePackage(recipient, packageSecret)],
    })
    const user = recipient.clientId.subarray(0, 16)
    const { trust } = world.authority
    const { client, encryptionKey } = verifyConnectionPackage(
      crypto,
      trust,
      await world.claim(user),
      world.seconds,
    )
    const group = { groupId: crypto.random(16), earKey: crypto.random(32), credentialKey: crypto.random(32) }
    const message = sealConnectionRequest(crypto, encryptionKey, sender.seed, sender.credential, group)
    await world.service.handlers.enqueue({ client: client.clientId, message })
    await world.restart()
    const owner = { ...recipient, user, queueSecret, packages: [] }
    const [received] = await visit(ownQueue(world, owner))
    const opened = openConnectionRequest(crypto, packageSecret, received!, () => trust, world.seconds)
    expect(opened.sender.clientId).toEqual(sender.clientId)
    expect(opened.earKey).toEqual(group.earKey)
  })

  test("keeps what is not acknowledged, in order, and forgets the rest for good", async () => {
    await using world = await World.open()
    const client = await world.register()
    const messages = [1, 800, 3000, CONNECTION_MESSAGE_BYTES_MAX].map((length) => crypto.random(length))
    for (const message of messages) await world.service.handlers.enqueue({ client: client.clientId, message })
    expect(await visit(ownQueue(world, client), "leave")).toEqual(messages)
    expect(await visit(ownQueue(world, client))).toEqual(messages)
    expect(await visit(ownQueue(world, client))).toEqual([])
    await world.restart()
    const [pool] = world.store.partitions("as_pool_")
    expect(world.store.count(defineTable<{ tag: Uint8Array }>(pool!, ["tag"], ["tag"]))).toBe(0)
  })

  test("is unknown to senders who name nobody, and closed to everybody but its owner", async () => {
    await using world = await World.open()
    const [alice, mallory, pending] = [await world.register(), await world.register(), await world.init()]
    const enqueue = (client: Uint8Array) =>
      problemOf(world.service.handlers.enqueue({ client, message: client }))
    expect(await enqueue(crypto.random(32))).toBe("as.unknown-queue")
    expect(await enqueue(pending.clientId)).toBe("as.unknown-queue")
    expect(await enqueue(alice.clientId)).toBe("accepted")
    expect(await problemOf(world.dequeue({ ...alice, seed: mallory.seed }))).toBe("auth.refused")
    expect(await problemOf(world.dequeue(pending))).toBe("auth.refused")
    expect(await visit(ownQueue(world, mallory))).toEqual([])
    expect(await visit(ownQueue(world, alice))).toEqual([alice.clientId])
  })

  test("loses nothing to a change that failed, and wakes its owner for those that did not", async () => {
    await using world = await World.open()
    const client = await world.register()
    let wakeups = 0
    world.wakeups.subscribe(client.clientId, { wake: () => void wakeups++ })
    const messages = [1, 2, 3, 4].map((byte) => new Uint8Array(1500).fill(byte))
    for (const message of messages) {
      world.failNextChange = message[0] === 2
      const enqueued = world.service.handlers.enqueue({ client: client.clientId, message })
      if (message[0] === 2) await expect(enqueued).rejects.toThrow("disk full")
      else await enqueued
    }
    expect(wakeups).toBe(3)
    expect((await visit(ownQueue(world, client))).map(([byte]) => byte)).toEqual([1, 3, 4])
  })

  test("refuses a chain named twice", async () => {
    await using world = await World.open()
    const client = await world.register()
    const cursor = { chain: crypto.random(16), address: crypto.random(32), month: 82, next: 0 }
    expect(await problemOf(world.dequeue(client, { read: [cursor, cursor] }))).toBe("queue.invalid-cursor")
  })

  test("leaves neither message nor owner in the pool", async () => {
    await using world = await World.open()
    const clients = [await world.register(), await world.register()]
    const message = crypto.random(900)
    for (const { clientId } of clients) await world.service.handlers.enqueue({ client: clientId, message })
    const files = world.files()
    expect(files.includes(message.subarray(0, 32))).toBe(false)
    expect(world.store.partitions("as_pool_").length).toBe(1)
    for (const { queueSecret } of clients) expect(files.includes(queueSecret)).toBe(false)
  })
})
