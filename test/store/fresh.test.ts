import { describe, expect, test } from "bun:test"
import { cpSync, readFileSync } from "node:fs"
import { join } from "node:path"
import fc from "fast-check"
import { readSnapshot } from "../../src/audit/evidence.ts"
import { FRESH_ROWS_MAX } from "../../src/limits.ts"
import { type Effect, putBriefly, remove, type Store } from "../../src/store/database.ts"
import { openStore } from "../../src/store/open.ts"
import { isZero, randomBytes, temporaryDirectory } from "./files.ts"
import { type Entry, freshPartition, migrations } from "./tables.ts"

const NEVER_MS = 2 ** 30
const never = { scrubDelayMs: NEVER_MS, scrubQuietMs: NEVER_MS, settleQuietMs: NEVER_MS }
const pool = freshPartition("pool_202611")

function submit(store: Store, effects: readonly Effect[]): Promise<void> {
  return store.writer.submit({ expects: [], effects: () => effects })
}

function entry(): Entry {
  return { tag: randomBytes(16), body: randomBytes(900) }
}

/** How many rows the files have in each of the two tables, log included. */
function rowsIn(directory: string): { readonly fresh: number; readonly settled: number } {
  const tables = readSnapshot(directory).databases.flatMap(({ contents }) => contents.tables)
  const rows = (wanted: RegExp) =>
    tables.filter(({ name }) => wanted.test(name)).reduce((sum, table) => sum + table.rows.length, 0)
  return { fresh: rows(/^fresh_\d_/), settled: rows(/^pool_/) }
}

type Operation = {
  readonly kind: "commit" | "refused" | "scrub" | "reopen" | "killed"
  readonly rows: number
}

test("whatever is put, removed, refused, scrubbed, closed or killed: the rows are those of one table, and after a scrub none is fresh", async () => {
  const operation: fc.Arbitrary<Operation> = fc.record({
    kind: fc.constantFrom("commit", "commit", "commit", "commit", "refused", "scrub", "reopen", "killed"),
    rows: fc.integer({ min: 1, max: 40 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 14 }), async (operations) => {
      using directory = temporaryDirectory()
      const place = (life: number) => join(directory.path, `${life}`)
      const open = (life: number) =>
        openStore({ file: join(place(life), "store.sqlite"), migrations, ...never, pagesMax: 400 })
      let life = 0
      let store = await open(life)
      const model = new Map<string, Entry>()
      for (const { kind, rows } of operations) {
        if (kind === "commit") {
          const added = Array.from({ length: rows }, entry)
          const removed = [...model.values()].filter((_, index) => index % 3 === rows % 3)
          await submit(store, [
            ...added.map((row) => putBriefly(pool, row)),
            ...removed.map(({ tag }) => remove(pool, { tag })),
            remove(pool, { tag: randomBytes(16) }),
          ])
          for (const row of added) model.set(row.tag.toHex(), row)
          for (const { tag } of removed) model.delete(tag.toHex())
        } else if (kind === "refused") {
          const large = putBriefly(pool, { tag: new Uint8Array(16), body: randomBytes(4_000_000) })
          const rest = [...Array.from({ length: rows }, entry).map((row) => putBriefly(pool, row)), large]
          const gone = [...model.values()].map(({ tag }) => remove(pool, { tag }))
          await expect(submit(store, [...rest, ...gone])).rejects.toThrow("SQLITE_FULL")
        } else if (kind === "scrub") {
          store.scrub()
          expect(isZero(readFileSync(join(place(life), "store.sqlite-wal")))).toBe(true)
          expect(rowsIn(place(life))).toEqual({ fresh: 0, settled: model.size })
        } else {
          if (kind === "killed") cpSync(place(life), place(life + 1), { recursive: true })
          await store.close()
          if (kind === "killed") life++
          else expect(rowsIn(place(life))).toEqual({ fresh: 0, settled: model.size })
          store = await open(life)
        }
        const inOrder = [...model.keys()].sort().map((name) => model.get(name) as Entry)
        expect(store.list(pool, {}, 10_000)).toEqual(inOrder)
        const [first, second] = inOrder
        if (first !== undefined && second !== undefined)
          expect(store.list(pool, {}, 1, { tag: first.tag })).toEqual([second])
        expect(store.count(pool)).toBe(model.size)
        for (const row of inOrder) expect(store.get(pool, { tag: row.tag })).toEqual(row)
        expect(store.get(pool, { tag: randomBytes(16) })).toBeUndefined()
      }
      await store.close()
    }),
    { numRuns: 40 },
  )
})

describe("fresh rows", () => {
  test("move by themselves, and the log is scrubbed then, while others are committed on and on", async () => {
    using directory = temporaryDirectory()
    const store = await openStore({
      file: join(directory.path, "store.sqlite"),
      migrations,
      ...never,
      scrubDelayMs: 50,
    })
    const first = Array.from({ length: 30 }, entry)
    await submit(
      store,
      first.map((row) => putBriefly(pool, row)),
    )
    expect(rowsIn(directory.path)).toEqual({ fresh: 30, settled: 0 })
    let others = 0
    while (rowsIn(directory.path).settled < 30) {
      await submit(store, [putBriefly(pool, entry())])
      others++
    }
    expect(store.count(pool)).toBe(30 + others)
    while (rowsIn(directory.path).fresh > 0) await Bun.sleep(5)
    await store.close()
  })

  test("that are removed before they move are in neither table, and were never in the large one", async () => {
    using directory = temporaryDirectory()
    const file = join(directory.path, "store.sqlite")
    const store = await openStore({ file, migrations, ...never })
    const rows = Array.from({ length: 300 }, entry)
    await submit(
      store,
      rows.map((row) => putBriefly(pool, row)),
    )
    expect(rowsIn(directory.path)).toEqual({ fresh: 300, settled: 0 })
    await submit(
      store,
      rows.map(({ tag }) => remove(pool, { tag })),
    )
    expect(rowsIn(directory.path)).toEqual({ fresh: 0, settled: 0 })
    store.scrub()
    expect(rows.filter(({ body }) => readFileSync(file).includes(body.subarray(0, 32)))).toEqual([])
    await store.close()
  })

  test("are a bounded number: what comes beyond goes to its place at once", async () => {
    using directory = temporaryDirectory()
    const store = await openStore({ file: join(directory.path, "store.sqlite"), migrations, ...never })
    const rows = Array.from({ length: FRESH_ROWS_MAX + 100 }, entry)
    await submit(
      store,
      rows.map((row) => putBriefly(pool, row)),
    )
    expect(rowsIn(directory.path)).toEqual({ fresh: FRESH_ROWS_MAX, settled: 100 })
    expect(store.count(pool)).toBe(rows.length)
    store.scrub()
    expect(rowsIn(directory.path)).toEqual({ fresh: 0, settled: rows.length })
    await store.close()
  })

  test("stay where they are if the disk is too full to move them, without a fault, and move when it is not", async () => {
    using directory = temporaryDirectory()
    const faults: unknown[] = []
    const store = await openStore({
      ...{ file: join(directory.path, "store.sqlite"), migrations, ...never, pagesMax: 60 },
      fault: (error) => faults.push(error),
    })
    const rows = Array.from({ length: 240 }, entry)
    await submit(
      store,
      rows.map((row) => putBriefly(pool, row)),
    )
    store.scrub()
    expect(rowsIn(directory.path)).toEqual({ fresh: 240, settled: 0 })
    expect(isZero(readFileSync(join(directory.path, "store.sqlite-wal")))).toBe(true)
    expect(store.list(pool, {}, 1000)).toHaveLength(240)
    await submit(
      store,
      rows.slice(100).map(({ tag }) => remove(pool, { tag })),
    )
    store.scrub()
    expect(rowsIn(directory.path)).toEqual({ fresh: 0, settled: 100 })
    for (const row of rows.slice(0, 100)) expect(store.get(pool, { tag: row.tag })).toEqual(row)
    expect(faults).toEqual([])
    await store.close()
  })
})
