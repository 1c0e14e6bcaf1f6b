import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import {
  Conflict,
  expectAbsent,
  expectPresent,
  expectRow,
  put,
  putBriefly,
  remove,
  type Store,
  StoreFailed,
  StoreMisuse,
  type Unit,
} from "../../src/store/database.ts"
import { entries, freshPartition, type Pair, pairs, partition, placedEntries } from "./tables.ts"

/** A store with the tables of `tables.ts`, empty, and how to get rid of it. */
export interface StoreFixture {
  readonly store: Store
  dispose(): Promise<void>
}

const tagA = Uint8Array.of(1)
const tagB = Uint8Array.of(2)
const bodyA = Uint8Array.of(10, 11)
const bodyB = Uint8Array.of(20, 21, 22)

/** What every implementation of `Store` must do. */
export function describeStore(name: string, open: () => Promise<StoreFixture>): void {
  describe(`the store conformance suite: ${name}`, () => {
    let fixture: StoreFixture
    let store: Store
    beforeEach(async () => {
      fixture = await open()
      store = fixture.store
    })
    afterEach(() => fixture.dispose())
    const submit = (unit: Partial<Unit>) => store.writer.submit({ expects: [], effects: () => [], ...unit })

    test("reads back what was put, replaces it, and forgets what was removed", async () => {
      await submit({ effects: () => [put(entries, { tag: tagA, body: bodyA })] })
      expect(store.get(entries, { tag: tagA })).toEqual({ tag: tagA, body: bodyA })
      expect(store.get(entries, { tag: tagB })).toBeUndefined()
      await submit({ effects: () => [put(entries, { tag: tagA, body: bodyB })] })
      expect(store.get(entries, { tag: tagA })).toEqual({ tag: tagA, body: bodyB })
      expect(store.count(entries)).toBe(1)
      await submit({ effects: () => [remove(entries, { tag: tagA })] })
      expect(store.get(entries, { tag: tagA })).toBeUndefined()
      expect(store.count(entries)).toBe(0)
    })

    test("placed rows are found, replaced, listed in the order of their keys and removed as others are", async () => {
      const tags = [5, 0, 255, 128, 127].map((first) =>
        Uint8Array.of(first, ...new Uint8Array(15).fill(first)),
      )
      const [first, ...others] = tags as [Uint8Array, ...Uint8Array[]]
      await submit({ effects: () => tags.map((tag) => put(placedEntries, { tag, body: bodyA })) })
      await submit({ effects: () => [put(placedEntries, { tag: first, body: bodyB })] })
      expect(store.get(placedEntries, { tag: first })).toEqual({ tag: first, body: bodyB })
      const inOrder = tags.toSorted(Buffer.compare)
      expect(store.list(placedEntries, {}, 10).map(({ tag }) => tag)).toEqual(inOrder)
      expect(store.list(placedEntries, {}, 2, { tag: inOrder[1]! }).map(({ tag }) => tag)).toEqual(
        inOrder.slice(2, 4),
      )
      await submit({ effects: () => others.map((tag) => remove(placedEntries, { tag })) })
      expect(store.list(placedEntries, {}, 10)).toEqual([{ tag: first, body: bodyB }])
      expect(store.count(placedEntries)).toBe(1)
    })

    test("a placed row whose place another one has is refused, and the other stays", async () => {
      const tag = new Uint8Array(16)
      const same = Uint8Array.from(tag).fill(1, 8)
      await submit({ effects: () => [put(placedEntries, { tag, body: bodyA })] })
      await expect(
        submit({ effects: () => [put(placedEntries, { tag: same, body: bodyB })] }),
      ).rejects.toThrow(StoreFailed)
      await submit({ effects: () => [remove(placedEntries, { tag: same })] })
      expect(store.get(placedEntries, { tag: same })).toBeUndefined()
      expect(store.list(placedEntries, {}, 10)).toEqual([{ tag, body: bodyA }])
    })

    test("keeps numbers, nulls and empty byte strings apart", async () => {
      const rows: Pair[] = [
        { part: 0, tag: tagA, body: null, month: 0 },
        { part: 0, tag: tagB, body: new Uint8Array(0), month: Number.MAX_SAFE_INTEGER },
        { part: -1, tag: new Uint8Array(0), body: bodyA, month: Number.MIN_SAFE_INTEGER },
      ]
      await submit({ effects: () => rows.map((row) => put(pairs, row)) })
      for (const row of rows) expect(store.get(pairs, { part: row.part, tag: row.tag })).toEqual(row)
    })

    test("lists rows by the leading part of their key, in key order, from a position on, up to a limit", async () => {
      const row = (part: number, ...tag: number[]): Pair => {
        return { part, tag: Uint8Array.from(tag), body: null, month: 0 }
      }
      const rows = [row(1, 255), row(1, 1), row(2, 0), row(1, 1, 0), row(10, 3), row(1)]
      await submit({ effects: () => rows.map((each) => put(pairs, each)) })
      const ofOne = [row(1), row(1, 1), row(1, 1, 0), row(1, 255)]
      expect(store.list(pairs, { part: 1 }, 10)).toEqual(ofOne)
      expect(store.list(pairs, { part: 1 }, 2)).toEqual(ofOne.slice(0, 2))
      expect(store.list(pairs, { part: 1 }, 10, { part: 1, tag: Uint8Array.of(1) })).toEqual(ofOne.slice(2))
      expect(store.list(pairs, {}, 10)).toEqual([...ofOne, row(2, 0), row(10, 3)])
      expect(store.list(pairs, { part: 3 }, 10)).toEqual([])
    })

    test("a unit sees the units before it, in its expectations and in its view", async () => {
      const seen: unknown[] = []
      await Promise.all([
        submit({
          effects: () => [put(entries, { tag: tagA, body: bodyA }), put(entries, { tag: tagB, body: bodyA })],
        }),
        submit({
          expects: [expectRow(entries, { tag: tagA }, "body", bodyA)],
          effects: (view) => {
            seen.push(view.get(entries, { tag: tagA }), view.list(entries, {}, 10).length)
            return [remove(entries, { tag: tagA }), put(entries, { tag: tagB, body: bodyB })]
          },
        }),
        submit({
          expects: [expectAbsent(entries, { tag: tagA }), expectPresent(entries, { tag: tagB })],
          effects: (view) => {
            seen.push(view.get(entries, { tag: tagA }), view.list(entries, {}, 10))
            return []
          },
        }),
      ])
      expect(seen).toEqual([{ tag: tagA, body: bodyA }, 2, undefined, [{ tag: tagB, body: bodyB }]])
    })

    test("readers see nothing of a unit before it is durable", async () => {
      const accepted = submit({ effects: () => [put(entries, { tag: tagA, body: bodyA })] })
      expect(store.get(entries, { tag: tagA })).toBeUndefined()
      await accepted
      expect(store.get(entries, { tag: tagA })).toBeDefined()
    })

    test("a unit whose expectation fails is refused, leaves nothing, and does not disturb the others", async () => {
      const calls: string[] = []
      const results = await Promise.allSettled([
        submit({ effects: () => [put(entries, { tag: tagA, body: bodyA })] }),
        submit({
          expects: [expectPresent(entries, { tag: tagA }), expectAbsent(entries, { tag: tagA })],
          effects: () => {
            calls.push("effects")
            return [put(entries, { tag: tagB, body: bodyB })]
          },
          committed: () => calls.push("committed"),
          failed: () => calls.push("failed"),
        }),
        submit({ expects: [expectRow(entries, { tag: tagA }, "body", bodyB)] }),
        submit({ expects: [expectRow(entries, { tag: tagB }, "body", bodyB)] }),
        submit({ effects: () => [put(pairs, { part: 1, tag: tagA, body: null, month: 1 })] }),
      ])
      expect(results.map(({ status }) => status)).toEqual([
        "fulfilled",
        "rejected",
        "rejected",
        "rejected",
        "fulfilled",
      ])
      for (const result of results)
        if (result.status === "rejected") expect(result.reason).toBeInstanceOf(Conflict)
      expect(calls).toEqual([])
      expect([store.count(entries), store.count(pairs)]).toEqual([1, 1])
    })

    test("of two units racing for one state exactly one wins", async () => {
      await submit({ effects: () => [put(entries, { tag: tagA, body: Uint8Array.of(0) })] })
      const race = (winner: number) =>
        submit({
          expects: [expectRow(entries, { tag: tagA }, "body", Uint8Array.of(0))],
          effects: () => [put(entries, { tag: tagA, body: Uint8Array.of(winner) })],
        })
      const results = await Promise.allSettled([race(1), race(2), race(3)])
      expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"])
      expect(store.get(entries, { tag: tagA })?.body).toEqual(Uint8Array.of(1))
    })

    test("a unit whose effects throw gets its own error and leaves nothing", async () => {
      const refusal = new Error("refused by the service")
      const calls: string[] = []
      const results = await Promise.allSettled([
        submit({
          effects: () => {
            throw refusal
          },
          committed: () => calls.push("committed"),
          failed: () => calls.push("failed"),
        }),
        submit({ effects: () => [put(entries, { tag: tagA, body: bodyA })] }),
      ])
      expect(results[0]).toEqual({ status: "rejected", reason: refusal })
      expect(results[1].status).toBe("fulfilled")
      expect(calls).toEqual(["failed"])
    })

    test("hooks run in the order of submission, after the rows are readable and before the submitters go on", async () => {
      const calls: string[] = []
      const unit = (name: string, tag: Uint8Array) =>
        submit({
          effects: () => {
            calls.push(`effects ${name}`)
            return [put(entries, { tag, body: bodyA })]
          },
          committed: () => {
            calls.push(`committed ${name} ${store.get(entries, { tag }) !== undefined}`)
          },
        }).then(() => calls.push(`answered ${name}`))
      await Promise.all([unit("a", tagB), unit("b", tagA)])
      const positions = (...wanted: string[]) => wanted.map((call) => calls.indexOf(call))
      expect(calls).toHaveLength(6)
      for (const order of [
        positions("effects a", "committed a true", "answered a"),
        positions("effects b", "committed b true", "answered b"),
        positions("effects a", "effects b"),
        positions("committed a true", "committed b true"),
      ]) {
        expect(order).not.toContain(-1)
        expect(order).toEqual(order.toSorted((one, other) => one - other))
      }
    })

    for (const [name, make] of [
      ["run-time tables", partition],
      ["run-time tables with fresh rows", freshPartition],
    ] as const)
      test(`${name}: nothing to read before the first put, and nothing after they were dropped`, async () => {
        const november = make("pool_202611")
        const december = make("pool_202612")
        expect(store.get(november, { tag: tagA })).toBeUndefined()
        expect([store.list(november, {}, 10), store.count(november), store.partitions("pool_")]).toEqual([
          [],
          0,
          [],
        ])
        await submit({ effects: () => [remove(november, { tag: tagA })] })
        expect(store.partitions("pool_")).toEqual([])

        const tags = Array.from({ length: 600 }, (_, i) => Uint8Array.of(i >> 8, i))
        await submit({ effects: () => tags.map((tag) => putBriefly(december, { tag, body: bodyA })) })
        await submit({ effects: () => [putBriefly(november, { tag: tagA, body: bodyA })] })
        expect(store.partitions("pool_")).toEqual(["pool_202611", "pool_202612"])
        await store.writer.dropTable(december)
        expect(store.partitions("pool_")).toEqual(["pool_202611"])
        expect(store.count(december)).toBe(0)
        await store.writer.dropTable(december)
        await submit({ effects: () => [putBriefly(december, { tag: tagB, body: bodyB })] })
        expect(store.list(december, {}, 10)).toEqual([{ tag: tagB, body: bodyB }])
      })

    test("defects of the caller are refused alone, by their own error", async () => {
      const unknown = { ...entries, name: "nowhere" }
      const results = await Promise.allSettled([
        submit({ effects: () => [put(unknown, { tag: tagA, body: bodyA })] }),
        submit({ effects: () => [put(entries, { tag: tagA, body: bodyA })] }),
        store.writer.dropTable(entries),
      ])
      expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "rejected"])
      for (const result of results)
        if (result.status === "rejected") expect(result.reason).toBeInstanceOf(StoreMisuse)
      expect(() => store.get(pairs, { part: 1 })).toThrow(StoreMisuse)
      expect(() => store.list(pairs, { tag: tagA }, 1)).toThrow(StoreMisuse)
      expect(() => put(entries, { tag: tagA } as never)).toThrow(StoreMisuse)
      expect(() => put(entries, { tag: "text", body: bodyA } as never)).toThrow(StoreMisuse)
      expect(() => put(pairs, { part: 0.5, tag: tagA, body: null, month: 1 })).toThrow(StoreMisuse)
    })
  })
}
