import { expect, test } from "bun:test"
import { memoryStore } from "../../src/client/store.ts"
import { QueueStream } from "../../src/client/stream.ts"
import { Transport } from "../../src/client/transport.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { STREAM_RENEWAL_CHAINS_MAX } from "../../src/limits.ts"
import { EngineSocket } from "./client-socket.ts"
import { settle } from "./stream-client.ts"
import { deliver, engineOver, NOVEMBER, Owner, pooled, temporaryStore, texts, write } from "./world.ts"

/** The client library's stream over a real engine: how many chains a queue comes to have in ordinary use. */
async function world() {
  const place = await temporaryStore()
  const owner = new Owner()
  const engine = engineOver(place.store, { now: NOVEMBER }, crypto.random(32))
  await write(place.store, [engine.newRecord(owner.id, owner.publicKey)])
  const store = memoryStore()
  const sent: Uint8Array[] = []
  const received: Uint8Array[] = []

  const say = async (size = 10) => {
    const message = crypto.random(size)
    await deliver(place.store, engine, [{ queue: owner.id, message }])
    sent.push(message)
  }
  const connect = () => {
    const ending = new AbortController()
    const { signal } = ending
    const url = "http://localhost"
    const fetch = async () => new Response("{}")
    const stream = new QueueStream({
      url,
      crypto,
      transport: new Transport({ url, crypto, signal, patienceMilliseconds: 0, fetch }),
      signer: { sender: { kind: "qs-client", id: owner.id }, seed: crypto.random(32) },
      queueSecretKey: owner.secretKey,
      store,
      stateKey: "queue",
      signal,
      deliver: async (message, progress) => {
        received.push(message.slice())
        await store.transaction([progress])
      },
      webSocket: () => new EngineSocket(engine, owner.id) as unknown as WebSocket,
    })
    const ended = stream.run()
    return {
      async end() {
        ending.abort()
        await ended
      },
    }
  }
  const chains = async () => {
    const answer = await engine.dequeue(owner.id, { acknowledge: [], usedUp: [], read: [], max: 0 })
    owner.learn(answer?.starts ?? [])
    return owner.cursors().length
  }
  const caughtUp = async () => {
    while (received.length < sent.length) await settle(1)
    await settle()
  }
  const asyncDispose = () => place[Symbol.asyncDispose]()
  return {
    ...{ store: place.store, say, connect, chains, caughtUp, sent, received },
    [Symbol.asyncDispose]: asyncDispose,
  }
}

test("two hundred connections with messages before, during and after leave a couple of chains, and nothing in the pool", async () => {
  await using it = await world()
  for (let round = 0; round < 200; round++) {
    if (round % 3 !== 0) await it.say(round % 5 === 0 ? 3000 : 10)
    const connection = it.connect()
    await it.caughtUp()
    if (round % 2 === 0) await it.say()
    await it.caughtUp()
    await connection.end()
    if (round % 4 === 0) await it.say()
    expect(await it.chains()).toBeLessThanOrEqual(2)
  }
  const connection = it.connect()
  await it.caughtUp()
  await connection.end()
  expect(await it.chains()).toBe(1)
  expect(texts(it.received)).toEqual(texts(it.sent))
  expect(pooled(it.store)).toBe(0)
}, 30_000)

test("connections that break before anything is acknowledged make no more than a few chains", async () => {
  await using it = await world()
  for (let round = 0; round < 200; round++) {
    const connection = it.connect()
    await settle(round % 3)
    const said = it.say()
    if (round % 2 === 0) await connection.end()
    await said
    await connection.end()
    expect(await it.chains()).toBeLessThanOrEqual(STREAM_RENEWAL_CHAINS_MAX)
  }
  const connection = it.connect()
  await it.caughtUp()
  await connection.end()
  expect(await it.chains()).toBe(1)
  expect(texts(it.received)).toEqual(texts(it.sent))
  expect(pooled(it.store)).toBe(0)
}, 30_000)
