import { expect, test } from "bun:test"
import fc from "fast-check"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { QUEUE_RETENTION_MONTHS } from "../../src/limits.ts"
import type { QueueEngine } from "../../src/queue/engine.ts"
import { Problem } from "../../src/wire/problem.ts"
import type { OpenedVeil } from "../veil/opened.ts"
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
  /** Nobody visits while the server is restarted again and again, and messages come in between. */
  | { kind: "away"; to: number[]; restarts: number }
  /** Months without messages end with the deletion of what is over its time. */
  | { kind: "months"; months: number }
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

/** Steps that use up chain starts by the hundred, among the others. */
const longStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: step },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("away" as const),
      to,
      restarts: fc.integer({ min: 1, max: 60 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("months" as const), months: fc.integer({ min: 1, max: 4 }) }),
  },
)

function rarely(): fc.Arbitrary<boolean> {
  return fc.nat(5).map((n) => n === 0)
}

interface Model {
  readonly owner: Owner
  /** What was delivered, and not deleted unread with its month. */
  readonly accepted: { readonly message: Uint8Array; readonly month: number }[]
  /** An acknowledgement that was made earlier and comes, or comes again, late. */
  kept: { acknowledged: ReturnType<Owner["acknowledgements"]>; usedUp: Uint8Array[] }
}

class World {
  readonly #store: OpenedVeil
  readonly #clock: Clock = { now: NOVEMBER }
  readonly #slotKey = crypto.random(32)
  readonly models: Model[] = Array.from({ length: OWNERS }, () => {
    return { owner: new Owner(), accepted: [], kept: { acknowledged: [], usedUp: [] } }
  })
  #engine: QueueEngine

  constructor(store: OpenedVeil) {
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
      case "away":
        for (let i = 0; i < step.restarts; i++) {
          this.#engine = this.#newEngine()
          await this.#deliver(step.to, 10, i % 7 === 5)
        }
        return
      case "months":
        return await this.#passMonths(step.months)
      case "pass":
        this.#clock.now += step.hours * HOUR
    }
  }

  /** Time that this process sees pass, so that its clock is believed. */
  async #passMonths(months: number): Promise<void> {
    const now = new Date(this.#clock.now)
    this.#clock.now = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 5)
    await this.#engine.dropExpiredPartitions()
    const oldest = this.#month() - QUEUE_RETENTION_MONTHS
    for (const { owner, accepted } of this.models) {
      const unread = accepted.splice(owner.received.length)
      accepted.push(...unread.filter(({ month }) => month >= oldest))
    }
  }

  #month(): number {
    const now = new Date(this.#clock.now)
    return now.getUTCFullYear() * 12 + now.getUTCMonth()
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
    for (const { accepted } of models) accepted.push({ message, month: this.#month() })
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

async function live(steps: readonly Step[]): Promise<void> {
  await using place = await temporaryStore()
  const world = new World(place.store)
  await world.begin()
  for (const step of steps) await world.apply(step)
  await world.finish()
  for (const { owner, accepted } of world.models) {
    expect(texts(owner.received)).toEqual(texts(accepted.map(({ message }) => message)))
  }
  expect(pooled(place.store)).toBe(0)
}

test("whatever happens in between, every owner gets every accepted message exactly once and in order", async () => {
  const steps = fc.array(step, { minLength: 1, maxLength: 60 })
  await fc.assert(fc.asyncProperty(steps, live), { numRuns: 100 })
}, 60_000)

test("the same holds across hundreds of restarts while owners are away, months, and what these delete", async () => {
  const steps = fc.array(longStep, { minLength: 10, maxLength: 40 })
  await fc.assert(fc.asyncProperty(steps, live), { numRuns: 30 })
}, 60_000)
