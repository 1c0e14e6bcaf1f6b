import { describe, expect, test } from "bun:test"
import { ChainReader } from "../../src/crypto/chain.ts"
import { CONNECTION_MESSAGE_BYTES_MAX } from "../../src/limits.ts"
import { defineTable } from "../../src/store/database.ts"
import { as } from "../../src/wire/as.ts"
import { toHex } from "../../src/wire/bytes.ts"
import {
  openConnectionRequest,
  sealConnectionRequest,
  verifyConnectionPackage,
} from "../../src/wire/connection.ts"
import type { Params } from "../../src/wire/endpoint.ts"
import { crypto } from "./fixtures.ts"
import { problemOf, type Registered, signed, World } from "./world.ts"

type DequeueParams = Params<typeof as.dequeue>
const NOTHING: DequeueParams = { acknowledge: [], usedUp: [], read: [], max: 100 }

function dequeue(world: World, client: Registered, params: Partial<DequeueParams> = {}) {
  return world.service.handlers.dequeue(signed(as.dequeue, client, { ...NOTHING, ...params }))
}

/** What a client does on each visit: read everything that is there, then acknowledge it. */
async function visit(world: World, client: Registered, acknowledge = true): Promise<Uint8Array[]> {
  const { starts } = await dequeue(world, client)
  const chains = starts.flatMap((start) => ChainReader.open(crypto, client.queueSecret, start) ?? [])
  const read = chains.map(({ reader: { id, address }, month }) => ({ chain: id, address, month, next: 0 }))
  const { entries } = await dequeue(world, client, { read })
  const messages = entries.flatMap(({ chain, index, entry }) => {
    const found = chains.find(({ reader }) => toHex(reader.id) === toHex(chain))
    return found?.reader.push(index, entry) ?? []
  })
  const done = chains.filter(({ reader }) => reader.nextIndex > 0)
  if (acknowledge) {
    await dequeue(world, client, {
      acknowledge: done.map(({ reader, month }) => {
        return { chain: reader.id, address: reader.address, month, through: reader.nextIndex - 1 }
      }),
      usedUp: done.map(({ reader }) => reader.id),
    })
  }
  return messages
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
    const [received] = await visit(world, owner)
    const opened = openConnectionRequest(crypto, packageSecret, received!, () => trust, world.seconds)
    expect(opened.sender.clientId).toEqual(sender.clientId)
    expect(opened.earKey).toEqual(group.earKey)
  })

  test("keeps what is not acknowledged, in order, and forgets the rest for good", async () => {
    await using world = await World.open()
    const client = await world.register()
    const messages = [1, 800, 3000, CONNECTION_MESSAGE_BYTES_MAX].map((length) => crypto.random(length))
    for (const message of messages) await world.service.handlers.enqueue({ client: client.clientId, message })
    expect(await visit(world, client, false)).toEqual(messages)
    expect(await visit(world, client, true)).toEqual(messages)
    expect(await visit(world, client, true)).toEqual([])
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
    expect(await problemOf(dequeue(world, { ...alice, seed: mallory.seed }))).toBe("auth.refused")
    expect(await problemOf(dequeue(world, { ...alice, ...pending }))).toBe("auth.refused")
    expect(await visit(world, mallory)).toEqual([])
    expect(await visit(world, alice)).toEqual([alice.clientId])
  })

  test("loses nothing to a change that failed, and wakes its owner for those that did not", async () => {
    await using world = await World.open()
    const client = await world.register()
    let wakeups = 0
    world.wakeups.subscribe(client.clientId, () => wakeups++)
    const messages = [1, 2, 3, 4].map((byte) => new Uint8Array(1500).fill(byte))
    for (const message of messages) {
      world.failNextChange = message[0] === 2
      const enqueued = world.service.handlers.enqueue({ client: client.clientId, message })
      if (message[0] === 2) await expect(enqueued).rejects.toThrow("disk full")
      else await enqueued
    }
    expect(wakeups).toBe(3)
    expect((await visit(world, client)).map(([byte]) => byte)).toEqual([1, 3, 4])
  })

  test("refuses a chain named twice", async () => {
    await using world = await World.open()
    const client = await world.register()
    const cursor = { chain: crypto.random(16), address: crypto.random(32), month: 82, next: 0 }
    expect(await problemOf(dequeue(world, client, { read: [cursor, cursor] }))).toBe("queue.invalid-cursor")
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
