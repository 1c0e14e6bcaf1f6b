import { expect, test } from "bun:test"
import fc from "fast-check"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import type { QueueEngine } from "../../src/queue/engine.ts"
import type { OpenedStore } from "../../src/store/open.ts"
import { Problem } from "../../src/wire/problem.ts"
import {
  type Clock,
  deliver,
  engineOver,
  HOUR,
  NOVEMBER,
  Owner,
  pooled,
  temporaryStore,
  texts,
  write,
} from "./world.ts"

/** What may happen between the server and the owners of three queues, in any order. */
type Step =
  | { kind: "deliver"; to: number[]; size: number; refuse: boolean }
  | { kind: "race"; to: number[]; refuse: boolean[] }
  | { kind: "read"; owner: number; max: number }
  | { kind: "acknowledge"; owner: number; usedUp: boolean; late: boolean }
  | { kind: "stream"; owner: number }
  | { kind: "restart" }
  | { kind: "pass"; hours: number }

const OWNERS = 3
const owner = fc.nat(OWNERS - 1)
const to = fc.array(owner, { minLength: 1, maxLength: 5 })

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("deliver" as const), to, size: fc.nat(2500), refuse: rarely() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("race" as const),
      to,
      refuse: fc.array(rarely(), { minLength: 2, maxLength: 5 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("read" as const), owner, max: fc.integer({ min: 1, max: 6 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("acknowledge" as const),
      owner,
      usedUp: fc.boolean(),
      late: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("stream" as const), owner }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("pass" as const), hours: fc.integer({ min: 1, max: 30 }) }),
  },
)

function rarely(): fc.Arbitrary<boolean> {
  return fc.nat(5).map((n) => n === 0)
}

interface Model {
  readonly owner: Owner
  readonly accepted: Uint8Array[]
  /** An acknowledgement that was made earlier and comes, or comes again, late. */
  kept: { acknowledged: ReturnType<Owner["acknowledgements"]>; usedUp: Uint8Array[] }
}

class World {
  readonly #store: OpenedStore
  readonly #clock: Clock = { now: NOVEMBER }
  readonly #slotKey = crypto.random(32)
  readonly models: Model[] = Array.from({ length: OWNERS }, () => {
    return { owner: new Owner(), accepted: [], kept: { acknowledged: [], usedUp: [] } }
  })
  #engine: QueueEngine

  constructor(store: OpenedStore) {
    this.#store = store
    this.#engine = this.#newEngine()
  }

  /** Small bounds, so that renewals, evictions and full records come about. */
  #newEngine(): QueueEngine {
    return engineOver(this.#store, this.#clock, this.#slotKey, {
      chainsInMemoryMax: 2,
      chainEntriesMax: 4,
      chainEntriesHardMax: 40,
    })
  }

  async begin(): Promise<void> {
    await write(
      this.#store,
      this.models.map(({ owner }) => this.#engine.newRecord(owner.id, owner.publicKey)),
    )
  }

  async apply(step: Step): Promise<void> {
    switch (step.kind) {
      case "deliver":
        return await this.#deliver(step.to, step.size, step.refuse)
      case "race":
        await Promise.all(step.refuse.map((refuse) => this.#deliver(step.to, 10, refuse)))
        return
      case "read":
        await this.#model(step.owner).owner.read(this.#engine, step.max)
        return
      case "acknowledge":
        return await this.#acknowledge(this.#model(step.owner), step.usedUp, step.late)
      case "stream":
        this.#engine.openStream(this.#model(step.owner).owner.id, {
          send: () => true,
          close: () => undefined,
        })
        return
      case "restart":
        this.#engine = this.#newEngine()
        return
      case "pass":
        this.#clock.now += step.hours * HOUR
    }
  }

  async #deliver(to: readonly number[], size: number, refuse: boolean): Promise<void> {
    const message = crypto.random(size)
    const models = to.map((i) => this.#model(i))
    const deliveries = models.map(({ owner }) => ({ queue: owner.id, message }))
    try {
      await deliver(this.#store, this.#engine, deliveries, refuse)
    } catch (error) {
      if (!refuse && !(error instanceof Problem && error.code === "queue.full")) throw error
      return
    }
    for (const { accepted } of models) accepted.push(message)
  }

  async #acknowledge(model: Model, usedUp: boolean, late: boolean): Promise<void> {
    const { owner, kept } = model
    if (late) {
      await this.#engine.acknowledge(owner.id, kept.acknowledged, kept.usedUp)
      return
    }
    const finished = usedUp && (await this.#readToTheEnd(owner)) ? owner.usedUp() : []
    model.kept = { acknowledged: owner.acknowledgements(), usedUp: finished }
    await this.#engine.acknowledge(owner.id, model.kept.acknowledged, finished)
  }

  async #readToTheEnd(owner: Owner): Promise<boolean> {
    await owner.readAll(this.#engine)
    return true
  }

  /** Everybody reads everything, and acknowledges it. */
  async finish(): Promise<void> {
    for (const { owner } of this.models) {
      await owner.readAll(this.#engine)
      await this.#engine.acknowledge(owner.id, owner.acknowledgements(), owner.usedUp())
    }
  }

  #model(i: number): Model {
    return this.models[i] as Model
  }
}

test("whatever happens in between, every owner gets every accepted message exactly once and in order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
      await using place = await temporaryStore()
      const world = new World(place.store)
      await world.begin()
      for (const step of steps) await world.apply(step)
      await world.finish()
      for (const { owner, accepted } of world.models) {
        expect(texts(owner.received)).toEqual(texts(accepted))
      }
      expect(pooled(place.store)).toBe(0)
    }),
    { numRuns: 100 },
  )
}, 60_000)
