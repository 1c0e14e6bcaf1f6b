import { Database } from "bun:sqlite"
import { describe, expect, test } from "bun:test"
import { copyFileSync, readFileSync } from "node:fs"
import { join } from "node:path"
import fc from "fast-check"
import { put, remove, type Store, type Table } from "../../src/store/database.ts"
import { openStore } from "../../src/store/open.ts"
import { randomBytes, temporaryDirectory } from "./files.ts"
import { type Entry, entries, migrations, placedEntries } from "./tables.ts"

const NEVER_MS = 2 ** 30
/** No scrub comes by itself. */
const never = { scrubDelayMs: NEVER_MS, scrubQuietMs: NEVER_MS }
const PAGE = 8192

async function insert(store: Store, table: Table<Entry>, row: Entry): Promise<void> {
  await store.writer.submit({ expects: [], effects: () => [put(table, row)] })
}

const tables = [
  ["without row ids", entries],
  ["placed by number", placedEntries],
] as const

/** Where each of the tags lies in the file. */
function placesOf(file: string, tags: readonly Uint8Array[]): number[] {
  const bytes = readFileSync(file)
  return tags.map((tag) => {
    const at = bytes.indexOf(tag)
    expect(at).toBeGreaterThan(0)
    return at
  })
}

/** Of the pairs that lie in one page, the share that lies in the order in which they are given. */
function shareInOrder(places: readonly number[]): number {
  let inOrder = 0
  let pairs = 0
  for (const [i, first] of places.entries()) {
    for (const second of places.slice(i + 1)) {
      if (Math.floor(first / PAGE) !== Math.floor(second / PAGE)) continue
      pairs += 1
      if (first < second) inOrder += 1
    }
  }
  expect(pairs).toBeGreaterThan(500)
  return inOrder / pairs
}

describe.each(tables)("where a row lies in its page, in a table %s", (_, table) => {
  test("does not tell when it was written, in the database and in a backup", async () => {
    using directory = temporaryDirectory()
    const file = join(directory.path, "store.sqlite")
    const store = await openStore({ file, migrations, ...never })
    const rows = Array.from({ length: 60 }, (): Entry => ({ tag: randomBytes(16), body: randomBytes(60) }))
    for (const [index, row] of rows.entries()) {
      await insert(store, table, row)
      if (index % 7 === 0) store.scrub()
    }
    store.scrub()
    const tags = rows.map(({ tag }) => tag)
    const sorted = tags.toSorted(Buffer.compare)
    const backup = join(directory.path, "backup.sqlite")
    store.backupTo(backup)
    for (const database of [file, backup]) {
      // In random order half of the pairs are; 0.25 to 0.75 leaves room for more than five standard deviations.
      const share = shareInOrder(placesOf(database, tags))
      expect(Math.abs(share - 0.5)).toBeLessThan(0.25)
      expect(shareInOrder(placesOf(database, sorted))).toBe(0)
    }
    await store.close()
  })

  test("is the same however the page came to hold what it holds", async () => {
    using directory = temporaryDirectory()
    const rows = Array.from({ length: 50 }, (): Entry => ({ tag: randomBytes(16), body: randomBytes(90) }))
    const images: Buffer[] = []
    for (const [name, order] of [
      ["one", rows],
      ["other", rows.toReversed()],
    ] as const) {
      const file = join(directory.path, `${name}.sqlite`)
      const store = await openStore({ file, migrations, ...never })
      for (const row of order) await insert(store, table, row)
      const passing = { tag: randomBytes(16), body: randomBytes(500) }
      await insert(store, table, passing)
      await store.writer.submit({ expects: [], effects: () => [remove(table, { tag: passing.tag })] })
      store.scrub()
      images.push(readFileSync(file))
      await store.close()
    }
    const pages = images.map((image) => Array.from({ length: image.length / PAGE }, (_, i) => page(image, i)))
    const [one, other] = pages as [Buffer[], Buffer[]]
    const holding = one.filter((bytes) => bytes.includes(rows[0]!.tag))
    expect(holding.length).toBe(1)
    expect(other.some((bytes) => bytes.equals(holding[0]!))).toBe(true)
  })
})

function page(image: Buffer, index: number): Buffer {
  return image.subarray(index * PAGE, (index + 1) * PAGE)
}

test.each(tables)(
  "after any history, with rows of any size, SQLite finds the database whole and every row in a table %s",
  async (_, table) => {
    const step = fc.record({
      sizes: fc.array(fc.oneof(fc.nat(300), fc.integer({ min: 1900, max: 2100 }), fc.nat(30_000)), {
        minLength: 1,
        maxLength: 40,
      }),
      removed: fc.nat(30),
    })
    const size = fc.constantFrom(512, 4096, 8192, 65_536)
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), size, async (steps, pageSize) => {
        using directory = temporaryDirectory()
        const file = join(directory.path, "store.sqlite")
        const store = await openStore({ file, migrations, ...never, pageSize })
        let live: Entry[] = []
        for (const { sizes, removed } of steps) {
          const gone = live.slice(0, removed)
          const added = sizes.map((length): Entry => ({ tag: randomBytes(16), body: randomBytes(length) }))
          const effects = [
            ...gone.map(({ tag }) => remove(table, { tag })),
            ...added.map((row) => put(table, row)),
          ]
          await store.writer.submit({ expects: [], effects: () => effects })
          live = [...live.slice(removed), ...added]
          store.scrub()
          const copy = join(directory.path, "copy.sqlite")
          copyFileSync(file, copy)
          const database = new Database(copy)
          expect(database.query("PRAGMA integrity_check").values()).toEqual([["ok"]])
          database.close()
        }
        const sorted = live.toSorted((a, b) => Buffer.compare(a.tag, b.tag))
        expect(store.list(table, {}, 10_000)).toEqual(sorted)
        await store.close()
        const again = await openStore({ file, migrations, pageSize })
        expect(again.list(table, {}, 10_000)).toEqual(sorted)
        await again.close()
      }),
      { numRuns: 25 },
    )
  },
)
