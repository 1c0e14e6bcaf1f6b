import { expect, test } from "bun:test"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { deliver, engineOver, NOVEMBER, Owner, pooled, temporaryStore, texts, write } from "./world.ts"

const slotKey = crypto.random(32)

test("a message reaches its owner, and after the acknowledgement nothing of it is left", async () => {
  await using world = await temporaryStore()
  const engine = engineOver(world.store, { now: NOVEMBER }, slotKey)
  const owner = new Owner()
  await write(world.store, [engine.newRecord(owner.id, owner.publicKey)])
  const messages = [crypto.random(10), crypto.random(0), crypto.random(5000)]
  for (const message of messages) await deliver(world.store, engine, [{ queue: owner.id, message }])
  expect(pooled(world.store)).toBe(7)

  await owner.readAll(engine)
  expect(texts(owner.received)).toEqual(texts(messages))
  await engine.acknowledge(owner.id, owner.acknowledgements(), [])
  expect(pooled(world.store)).toBe(0)
  await engine.acknowledge(owner.id, owner.acknowledgements(), [])
})
