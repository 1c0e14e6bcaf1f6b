import { describe, expect, test } from "bun:test"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import type { QueueEngine } from "../../src/queue/engine.ts"
import type { OpenedVeil } from "../veil/opened.ts"
import {
  type Clock,
  deliver,
  engineOver,
  HOUR,
  NOVEMBER,
  Owner,
  temporaryStore,
  texts,
  write,
} from "./world.ts"

/** A server and two queues; chains end after three entries, and only the chain of one queue is remembered. */
interface Scene {
  readonly store: OpenedVeil
  readonly clock: Clock
  readonly owner: Owner
  readonly other: Owner
  engine: QueueEngine
  readonly restart: () => QueueEngine
}

async function say(scene: Scene, to: Owner, refuse = false): Promise<Uint8Array> {
  const message = crypto.random(20)
  await deliver(scene.store, scene.engine, [{ queue: to.id, message }], refuse)
  return message
}

const reasons: Readonly<Record<string, (scene: Scene) => unknown>> = {
  async "so many entries"(scene) {
    scene.owner.received.push(await say(scene, scene.owner), await say(scene, scene.owner))
  },
  "so many hours": ({ clock }) => (clock.now += 24 * HOUR),
  "the end of the month": ({ clock }) => (clock.now = Date.UTC(2026, 11, 1)),
  "a restart": (scene) => (scene.engine = scene.restart()),
  eviction: (scene) => say(scene, scene.other),
  "a commit that failed": (scene) => say(scene, scene.owner, true).catch(() => undefined),
  "the opening of a stream": ({ engine, owner }) => {
    engine.openStream(owner.id, { send: () => true, close: () => undefined })?.onClosed()
  },
  "another key of the owner": ({ engine, owner, store }) => {
    const effects = (view: Parameters<QueueEngine["changeKey"]>[0]) => {
      return engine.changeKey(view, owner.id, owner.publicKey)
    }
    return store.writer.submit({ expects: [], effects })
  },
}

describe("the next message begins a new chain, and none is lost, after", () => {
  for (const [reason, happen] of [...Object.entries(reasons), ["nothing", undefined] as const]) {
    test(reason, async () => {
      await using place = await temporaryStore()
      const clock = { now: NOVEMBER }
      const [owner, other] = [new Owner(), new Owner()]
      const slotKey = crypto.random(32)
      const limits = { chainEntriesMax: 3, chainsInMemoryMax: 1 }
      const restart = () => engineOver(place.store, clock, slotKey, limits)
      const scene: Scene = { store: place.store, clock, owner, other, engine: restart(), restart }
      await write(
        place.store,
        [owner, other].map(({ id, publicKey }) => scene.engine.newRecord(id, publicKey)),
      )
      const sent = [await say(scene, owner)]
      await happen?.(scene)
      sent.push(...owner.received.splice(0), await say(scene, owner))
      await owner.readAll(scene.engine)
      expect(owner.cursors()).toHaveLength(happen === undefined ? 1 : 2)
      expect(texts(owner.received)).toEqual(texts(sent))
    })
  }
})
