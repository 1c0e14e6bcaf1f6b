import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import {
  Conflict,
  defineTable,
  type Effect,
  expectAbsent,
  expectPresent,
  expectRow,
  Overloaded,
  put,
  remove,
  StoreClosed,
  StoreFailed,
  type Unit,
} from "../../src/store/database.ts"
import { type OpenedStore, openStore, type StoreOptions } from "../../src/store/open.ts"
import { randomBytes, temporaryDirectory } from "./files.ts"
import { entries, migrations, partition } from "./tables.ts"

async function withStore(options: Partial<StoreOptions>, run: (store: OpenedStore) => Promise<void>) {
  using directory = temporaryDirectory()
  const store = await openStore({ file: `${directory.path}/store.sqlite`, migrations, ...options })
  try {
    await run(store)
  } finally {
    await store.close()
  }
}

type Step = { readonly slot: number; readonly value: number | undefined }
type Plan = {
  readonly expects: readonly {
    readonly slot: number
    readonly kind: "absent" | "present" | "equals"
    value: number
  }[]
  readonly steps: readonly Step[]
  readonly refuses: boolean
  readonly pause: boolean
}

const slot = fc.nat(5)
const value = fc.nat(2)
const plan: fc.Arbitrary<Plan> = fc.record({
  expects: fc.array(fc.record({ slot, kind: fc.constantFrom("absent", "present", "equals"), value }), {
    maxLength: 2,
  }),
  steps: fc.array(fc.record({ slot, value: fc.option(value, { nil: undefined }) }), { maxLength: 4 }),
  refuses: fc.nat(4).map((n) => n === 0),
  pause: fc.boolean(),
})

/** What the pipeline should do, one unit after the other. */
class Model {
  readonly slots = new Map<number, number>()

  apply(unit: Plan): "committed" | "conflict" | "refused" {
    for (const { slot, kind, value } of unit.expects) {
      const current = this.slots.get(slot)
      if (kind === "absent" ? current !== undefined : current === undefined) return "conflict"
      if (kind === "equals" && current !== value) return "conflict"
    }
    if (unit.refuses) return "refused"
    for (const { slot, value } of unit.steps) {
      if (value === undefined) this.slots.delete(slot)
      else this.slots.set(slot, value)
    }
    return "committed"
  }

  rows(): number[][] {
    return [...this.slots].sort(([a], [b]) => a - b)
  }
}

describe("the pipeline against a model", () => {
  test("random units end as if each had been made alone, in the order of submission", async () => {
    let run = 0
    await withStore({ epochRowsMax: 5 }, async (store) => {
      await fc.assert(
        fc.asyncProperty(fc.array(plan, { minLength: 1, maxLength: 12 }), async (plans) => {
          run++
          const table = partition(`run_${run}`)
          const tagOf = (slot: number) => Uint8Array.of(slot)
          const model = new Model()
          const effectsOrder: number[] = []
          const hooks: string[] = []
          const promises: Promise<void>[] = []
          const views: number[][][] = []
          for (const [index, each] of plans.entries()) {
            const unit: Unit = {
              expects: each.expects.map(({ slot, kind, value }) => {
                const key = { tag: tagOf(slot) }
                if (kind === "equals") return expectRow(table, key, "body", Uint8Array.of(value))
                return kind === "absent" ? expectAbsent(table, key) : expectPresent(table, key)
              }),
              effects(view) {
                effectsOrder.push(index)
                const seen = view.list(table, {}, 100)
                views[index] = seen.map(({ tag, body }) => [tag[0] as number, body[0] as number])
                for (const row of seen) expect(view.get(table, { tag: row.tag })).toEqual(row)
                expect(view.list(table, {}, 2)).toEqual(seen.slice(0, 2))
                expect(view.list(table, {}, 2, { tag: tagOf(2) })).toEqual(
                  seen.filter(({ tag }) => (tag[0] as number) > 2).slice(0, 2),
                )
                if (each.refuses) throw new Error("refused")
                return each.steps.map(({ slot, value }): Effect => {
                  if (value === undefined) return remove(table, { tag: tagOf(slot) })
                  return put(table, { tag: tagOf(slot), body: Uint8Array.of(value) })
                })
              },
              committed: () => hooks.push(`committed ${index}`),
              failed: () => hooks.push(`failed ${index}`),
            }
            promises.push(store.writer.submit(unit))
            promises.at(-1)?.catch(() => undefined)
            if (each.pause) await new Promise((resume) => setImmediate(resume))
          }
          const results = await Promise.allSettled(promises)
          for (const [index, each] of plans.entries()) {
            const before = model.rows()
            const expected = model.apply(each)
            const result = results[index]
            if (expected !== "conflict") expect(views[index]).toEqual(before)
            expect(result?.status).toBe(expected === "committed" ? "fulfilled" : "rejected")
            if (result?.status === "rejected") {
              expect(result.reason instanceof Conflict).toBe(expected === "conflict")
            }
            const wanted = { committed: [`committed ${index}`], conflict: [], refused: [`failed ${index}`] }
            expect(hooks.filter((hook) => hook.endsWith(` ${index}`))).toEqual(wanted[expected])
          }
          expect(effectsOrder).toEqual(effectsOrder.toSorted((a, b) => a - b))
          const rows = store.list(table, {}, 100).map(({ tag, body }) => [tag[0], body[0]])
          expect(rows).toEqual(model.rows() as [number, number][])
          await store.writer.dropTable(table)
        }),
        { numRuns: 150 },
      )
    })
  })
})

/** A table whose triggers keep the order in which rows were written. */
const traced = [
  ...migrations,
  {
    version: 2,
    sql: `
      CREATE TABLE trace (position INTEGER PRIMARY KEY, epoch_row BLOB NOT NULL);
      CREATE TRIGGER put_entry AFTER INSERT ON entries BEGIN INSERT INTO trace (epoch_row) VALUES (new.tag); END;
      CREATE TRIGGER remove_entry AFTER DELETE ON entries BEGIN INSERT INTO trace (epoch_row) VALUES (old.tag); END;
      CREATE TRIGGER put_pair AFTER INSERT ON pairs BEGIN INSERT INTO trace (epoch_row) VALUES (new.tag); END;
    `,
  },
]

const traceTable = defineTable<{ position: number; epoch_row: Uint8Array }>(
  "trace",
  ["position"],
  ["position", "epoch_row"],
)

describe("an epoch", () => {
  test("writes the rows of all its units in key order, whoever sent them in whatever order", async () => {
    await withStore({ migrations: traced }, async (store) => {
      const tags = Array.from({ length: 40 }, () => randomBytes(16))
      const unit = (...effects: Effect[]) => store.writer.submit({ expects: [], effects: () => effects })
      await unit(...tags.slice(0, 10).map((tag) => put(entries, { tag, body: randomBytes(8) })))
      await Promise.all([
        ...tags.slice(10).map((tag) => unit(put(entries, { tag, body: randomBytes(8) }))),
        ...tags.slice(0, 10).map((tag) => unit(remove(entries, { tag }))),
      ])
      const trace = store.list(traceTable, {}, 100).map(({ epoch_row }) => epoch_row.toHex())
      const sorted = (some: Uint8Array[]) => some.map((tag) => tag.toHex()).sort()
      expect(trace).toEqual([...sorted(tags.slice(0, 10)), ...sorted(tags)])
    })
  })

  test("does not write at all what one of its units put and a later one removed", async () => {
    await withStore({ migrations: traced }, async (store) => {
      const tag = randomBytes(16)
      await Promise.all([
        store.writer.submit({ expects: [], effects: () => [put(entries, { tag, body: randomBytes(8) })] }),
        store.writer.submit({
          expects: [expectPresent(entries, { tag })],
          effects: () => [remove(entries, { tag })],
        }),
      ])
      expect([store.count(entries), store.count(traceTable)]).toEqual([0, 0])
    })
  })

  test("that cannot be written fails all its units, even those it would have refused, undoes their memory in reverse, and nothing of it stays", async () => {
    await withStore({ pagesMax: 40 }, async (store) => {
      const calls: string[] = []
      const large = randomBytes(300_000)
      const unit = (name: string, body: Uint8Array) =>
        store.writer.submit({
          expects: [],
          effects: () => [put(entries, { tag: new TextEncoder().encode(name), body })],
          committed: () => calls.push(`committed ${name}`),
          failed: () => calls.push(`failed ${name}`),
        })
      const results = await Promise.allSettled([
        unit("a", large),
        unit("b", large),
        store.writer.submit({
          expects: [expectAbsent(entries, { tag: new TextEncoder().encode("a") })],
          effects: () => [],
        }),
        unit("c", randomBytes(10)),
      ])
      for (const result of results) {
        expect(result.status).toBe("rejected")
        if (result.status === "rejected") expect(result.reason).toBeInstanceOf(StoreFailed)
      }
      expect(calls).toEqual(["failed c", "failed b", "failed a"])
      expect(store.count(entries)).toBe(0)
      await unit("d", randomBytes(10))
      expect(store.count(entries)).toBe(1)
    })
  })

  test("a table made by an epoch that failed does not exist", async () => {
    await withStore({ pagesMax: 40 }, async (store) => {
      const pool = partition("pool_202611")
      const unit = (body: Uint8Array) =>
        store.writer.submit({ expects: [], effects: () => [put(pool, { tag: randomBytes(16), body })] })
      await expect(unit(randomBytes(400_000))).rejects.toBeInstanceOf(StoreFailed)
      await unit(randomBytes(10))
      expect([store.partitions("pool_"), store.count(pool)]).toEqual([["pool_202611"], 1])
    })
  })

  test("a hook that throws disturbs nobody and is reported", async () => {
    const faults: unknown[] = []
    await withStore({ fault: (error) => faults.push(error) }, async (store) => {
      const defect = new Error("a defect")
      const calls: string[] = []
      await Promise.all([
        store.writer.submit({
          expects: [],
          effects: () => [put(entries, { tag: randomBytes(16), body: randomBytes(8) })],
          committed() {
            throw defect
          },
        }),
        store.writer.submit({ expects: [], effects: () => [], committed: () => calls.push("second") }),
      ])
      expect([faults, calls]).toEqual([[defect], ["second"]])
    })
  })
})

describe("the queue of units", () => {
  test("is bounded: what comes when it is full is refused as overload, and what waits is not lost", async () => {
    await withStore({ pendingMax: 3 }, async (store) => {
      const submit = () =>
        store.writer.submit({
          expects: [],
          effects: () => [put(entries, { tag: randomBytes(16), body: randomBytes(8) })],
        })
      const results = await Promise.allSettled([submit(), submit(), submit(), submit()])
      expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "fulfilled", "rejected"])
      expect(results[3]).toHaveProperty("reason", new Overloaded())
      await submit()
      expect(store.count(entries)).toBe(4)
    })
  })

  test("patient units become durable with the next that is not, in the order of submission, or by themselves", async () => {
    await withStore({ patienceMs: 40 }, async (store) => {
      const done: string[] = []
      const [tag, other] = [randomBytes(16), randomBytes(16)]
      const submit = async (name: string, body: Uint8Array, patient: boolean) => {
        await store.writer.submit({ expects: [], patient, effects: () => [put(entries, { tag, body })] })
        done.push(name)
      }
      const first = submit("patient", randomBytes(8), true)
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
      expect([done, store.count(entries)]).toEqual([[], 0])
      const last = randomBytes(8)
      await Promise.all([first, submit("impatient", last, false)])
      expect(done).toEqual(["patient", "impatient"])
      expect(store.get(entries, { tag })?.body).toEqual(last)
      await store.writer.submit({
        expects: [],
        patient: true,
        effects: () => [put(entries, { tag: other, body: last })],
      })
      expect(store.count(entries)).toBe(2)
    })
  })

  test("closing writes what waits and refuses what comes; closing twice is closing once", async () => {
    using directory = temporaryDirectory()
    const options = { file: `${directory.path}/store.sqlite`, migrations }
    const store = await openStore(options)
    const submit = (patient = false) =>
      store.writer.submit({
        expects: [],
        patient,
        effects: () => [put(entries, { tag: randomBytes(16), body: randomBytes(8) })],
      })
    const waiting = [submit(), submit(true)]
    const closing = store.close()
    await expect(submit()).rejects.toBeInstanceOf(StoreClosed)
    await Promise.all([...waiting, closing, store.close()])
    const again = await openStore(options)
    expect(again.count(entries)).toBe(2)
    await again.close()
  })
})
