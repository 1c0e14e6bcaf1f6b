import { Database } from "bun:sqlite"
import { describe, expect, test } from "bun:test"
import { copyFileSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import fc from "fast-check"
import { readSnapshot } from "../../src/audit/evidence.ts"
import { type Effect, put, remove, type Store, StoreFailed } from "../../src/store/database.ts"
import { openStore } from "../../src/store/open.ts"
import { unallocated } from "../../src/store/page-layout.ts"
import { filesWith, isZero, randomBytes, temporaryDirectory } from "./files.ts"
import { type Entry, entries, migrations, partition } from "./tables.ts"

const NEVER_MS = 2 ** 30
/** No scrub comes by itself. */
const never = { scrubDelayMs: NEVER_MS, scrubQuietMs: NEVER_MS }

function submit(store: Store, effects: readonly Effect[]): Promise<void> {
  return store.writer.submit({ expects: [], effects: () => effects })
}

/** A row whose body is a marker between random bytes. */
function marked(marker: Uint8Array): Entry {
  const body = randomBytes(900)
  body.set(marker, 400)
  return { tag: randomBytes(16), body }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await Bun.sleep(5)
}

describe("what was deleted is in none of the files after a scrub", () => {
  test("removed rows, replaced rows, dropped tables and refused transactions", async () => {
    using directory = temporaryDirectory()
    const file = join(directory.path, "store.sqlite")
    const store = await openStore({ file, migrations, ...never, pagesMax: 200 })
    const found = (markers: Uint8Array[]) =>
      markers.filter((marker) => filesWith(directory.path, marker).length > 0)
    const markers = (count: number) => Array.from({ length: count }, () => randomBytes(32))
    const [kept, removed, replaced, dropped, refused] = [
      markers(20),
      markers(150),
      markers(20),
      markers(100),
      markers(8),
    ]
    const pool = partition("pool_202611")

    await submit(
      store,
      kept.map((marker) => put(entries, marked(marker))),
    )
    const removedRows = removed.map(marked)
    for (const row of removedRows) await submit(store, [put(entries, row)])
    const replacedRows = replaced.map(marked)
    await submit(
      store,
      replacedRows.map((row) => put(entries, row)),
    )
    await submit(
      store,
      dropped.map((marker) => put(pool, marked(marker))),
    )
    const tooMuch: Effect[] = [put(entries, { tag: randomBytes(16), body: randomBytes(2_000_000) })]
    const refusal = submit(store, [...tooMuch, ...refused.map((marker) => put(entries, marked(marker)))])
    await expect(refusal).rejects.toBeInstanceOf(StoreFailed)
    expect(found(removed).length).toBe(removed.length)
    expect(found(dropped).length).toBe(dropped.length)

    await submit(
      store,
      removedRows.map(({ tag }) => remove(entries, { tag })),
    )
    await submit(
      store,
      replacedRows.map(({ tag }) => put(entries, { tag, body: randomBytes(30) })),
    )
    await store.writer.dropTable(pool)
    store.scrub()
    expect(readdirSync(directory.path).sort()).toEqual(["store.sqlite", "store.sqlite-wal"])
    expect(isZero(readFileSync(`${file}-wal`))).toBe(true)
    expect([found(removed), found(replaced), found(dropped), found(refused)]).toEqual([[], [], [], []])
    expect(found(kept).length).toBe(kept.length)

    await store.close()
    expect(readdirSync(directory.path)).toEqual(["store.sqlite"])
    expect([found(removed), found(replaced), found(dropped)]).toEqual([[], [], []])
  })
})

/** The unallocated bytes of a database's pages. */
function gapsOf(file: string, pageSize: number): { readonly bytes: Buffer; readonly gaps: Buffer[] } {
  const bytes = readFileSync(file)
  const gaps: Buffer[] = []
  for (let at = 0; at < bytes.length; at += pageSize) {
    const page = bytes.subarray(at, at + pageSize)
    const gap = unallocated(page, at / pageSize + 1)
    if (gap !== undefined) gaps.push(page.subarray(gap.start, gap.end))
  }
  return { bytes, gaps }
}

/** Rows of very different sizes come and go, so that pages are rebuilt, not only edited. */
async function churn(store: Store, rounds: number): Promise<{ live: Entry[]; deleted: Entry[] }> {
  let live: Entry[] = []
  const deleted: Entry[] = []
  for (let round = 0; round < rounds; round++) {
    const added = Array.from({ length: 60 }, (): Entry => {
      return { tag: randomBytes(16), body: randomBytes(40 + Math.floor(Math.random() * 1900)) }
    })
    const removed = live.filter(() => Math.random() < 0.3)
    await submit(store, [
      ...added.map((row) => put(entries, row)),
      ...removed.map(({ tag }) => remove(entries, { tag })),
    ])
    live = [...live.filter((row) => !removed.includes(row)), ...added]
    deleted.push(...removed)
  }
  return { live, deleted }
}

describe("what secure_delete leaves in rebuilt pages", () => {
  test("is cleared: no unallocated byte holds anything, and no deleted row is found by any of its parts", async () => {
    using directory = temporaryDirectory()
    const file = join(directory.path, "store.sqlite")
    const store = await openStore({ file, migrations, ...never })
    for (let repetition = 0; repetition < 3; repetition++) {
      const { deleted } = await churn(store, 15)
      store.scrub()
      const { bytes, gaps } = gapsOf(file, 8192)
      expect(gaps.length).toBeGreaterThan(20)
      expect(gaps.every(isZero)).toBe(true)
      expect(deleted.filter(({ body }) => bytes.includes(body.subarray(-16)))).toEqual([])
    }
    store.backupTo(join(directory.path, "backup.sqlite"))
    expect(gapsOf(join(directory.path, "backup.sqlite"), 8192).gaps.every(isZero)).toBe(true)
    await store.close()
  })

  test("is cleared in the free list, too: which pages were free and were taken again is not to be found", async () => {
    using directory = temporaryDirectory()
    const file = join(directory.path, "store.sqlite")
    const store = await openStore({ file, migrations, scrubDelayMs: NEVER_MS })
    const filled = async (name: string, count: number) => {
      const table = partition(name)
      const rows = Array.from({ length: count }, () => marked(randomBytes(32)))
      await submit(
        store,
        rows.map((row) => put(table, row)),
      )
      return table
    }
    await store.writer.dropTable(await filled("pool_202601", 200))
    await store.scrub()
    await filled("pool_202602", 100)
    await store.scrub()
    const { databases } = readSnapshot(directory.path)
    const [{ image, unused }] = databases as [(typeof databases)[0]]
    expect(image.page(1).readUInt32BE(36)).toBeGreaterThan(1)
    expect(unused.filter(({ bytes }) => bytes.some((byte) => byte !== 0))).toEqual([])
    await store.close()
  })

  test("means nothing to SQLite: filled with noise, the database is whole and holds the same rows", async () => {
    using directory = temporaryDirectory()
    const file = join(directory.path, "store.sqlite")
    const store = await openStore({ file, migrations, ...never })
    await churn(store, 15)
    const rows = store.list(entries, {}, 10_000)
    await store.close()
    const { bytes, gaps } = gapsOf(file, 8192)
    for (const gap of gaps) gap.set(randomBytes(gap.length))
    writeFileSync(file, bytes)
    const noisy = new Database(file)
    expect(noisy.query("PRAGMA integrity_check").values()).toEqual([["ok"]])
    noisy.close()
    const again = await openStore({ file, migrations })
    expect(again.list(entries, {}, 10_000)).toEqual(rows)
    await again.close()
  })
})

test("the files' times say no more than the month after a scrub", async () => {
  using directory = temporaryDirectory()
  const file = join(directory.path, "store.sqlite")
  const store = await openStore({ file, migrations, ...never })
  const times = () =>
    readdirSync(directory.path).map((name) => statSync(join(directory.path, name)).mtime.toISOString())
  const month = /^\d{4}-\d\d-01T00:00:00\.000Z$/
  await submit(store, [put(entries, marked(randomBytes(32)))])
  expect(times().some((time) => !month.test(time))).toBe(true)
  store.scrub()
  for (const time of times()) expect(time).toMatch(month)
  await store.close()
  for (const time of times()) expect(time).toMatch(month)
})

describe("a scrub happens by itself", () => {
  test("some time after a commit", async () => {
    using directory = temporaryDirectory()
    const file = join(directory.path, "store.sqlite")
    const store = await openStore({ file, migrations, scrubDelayMs: 10 })
    for (let round = 0; round < 3; round++) {
      const writing = submit(store, [put(entries, marked(randomBytes(32)))])
      await writing
      expect(isZero(readFileSync(`${file}-wal`))).toBe(false)
      await until(() => isZero(readFileSync(`${file}-wal`)))
    }
    await store.close()
  })

  test("soon after a commit that no other follows, however long the delay is", async () => {
    using directory = temporaryDirectory()
    const file = join(directory.path, "store.sqlite")
    const store = await openStore({ file, migrations, scrubDelayMs: NEVER_MS })
    for (let round = 0; round < 3; round++) {
      await submit(store, [put(entries, marked(randomBytes(32)))])
      await until(() => isZero(readFileSync(`${file}-wal`)))
    }
    await store.close()
  })

  test("before the submitter goes on, if the delay is nothing", async () => {
    using directory = temporaryDirectory()
    const file = join(directory.path, "store.sqlite")
    const store = await openStore({ file, migrations, scrubDelayMs: 0 })
    await submit(store, [put(entries, marked(randomBytes(32)))])
    expect(isZero(readFileSync(`${file}-wal`))).toBe(true)
    await store.close()
  })

  test("when the log is long; its file then has one of three lengths, and a longer one is cut", async () => {
    using directory = temporaryDirectory()
    const file = join(directory.path, "store.sqlite")
    const store = await openStore({ file, migrations, ...never, logBytesMax: 400_000 })
    const writes = (bytes: number) =>
      submit(store, [put(entries, { tag: randomBytes(16), body: randomBytes(bytes) })])
    const lengths: number[] = []
    for (const bytes of [32, 150_000, 500_000, 1_700_000, 450_000]) {
      await writes(bytes)
      if (bytes < 400_000) {
        await Bun.sleep(20)
        expect(isZero(readFileSync(`${file}-wal`))).toBe(false)
        store.scrub()
      } else await until(() => isZero(readFileSync(`${file}-wal`)))
      lengths.push(statSync(`${file}-wal`).size)
    }
    expect(lengths).toEqual([100_000, 400_000, 1_600_000, 1_600_000, 1_600_000])
    expect(store.count(entries)).toBe(5)
    await store.close()
  })
})

type Operation = { readonly kind: "commit" | "refused" | "scrub" | "reopen"; readonly rows: number }

test("any sequence of commits, refused commits, scrubs and reopenings keeps every row and cleans every log", async () => {
  const operation: fc.Arbitrary<Operation> = fc.record({
    kind: fc.constantFrom("commit", "commit", "commit", "refused", "scrub", "reopen"),
    rows: fc.integer({ min: 1, max: 40 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 12 }), async (operations) => {
      using directory = temporaryDirectory()
      const file = join(directory.path, "store.sqlite")
      const options = { file, migrations, ...never, pagesMax: 300, pageSize: 4096 }
      let store = await openStore(options)
      const model = new Map<string, Uint8Array>()
      for (const { kind, rows } of operations) {
        if (kind === "commit") {
          const written = Array.from({ length: rows }, () => marked(randomBytes(32)))
          const overwritten = [...model.keys()].slice(0, 5).map((name): Entry => {
            return { tag: Uint8Array.fromHex(name), body: randomBytes(100) }
          })
          await submit(
            store,
            [...written, ...overwritten].map((row) => put(entries, row)),
          )
          for (const { tag, body } of [...written, ...overwritten]) model.set(tag.toHex(), body)
        } else if (kind === "refused") {
          const large = put(entries, { tag: new Uint8Array(16), body: randomBytes(3_000_000) })
          const rest = Array.from({ length: rows }, () => put(entries, marked(randomBytes(32))))
          await submit(store, [large, ...rest]).catch(() => undefined)
        } else if (kind === "scrub") {
          store.scrub()
          expect(isZero(readFileSync(`${file}-wal`))).toBe(true)
        } else {
          await store.close()
          store = await openStore(options)
        }
      }
      const rows = store.list(entries, {}, 10_000).map(({ tag, body }) => [tag.toHex(), body] as const)
      expect(new Map(rows)).toEqual(model)
      await store.close()
    }),
    { numRuns: 40 },
  )
})

describe("a power cut while the log is overwritten", () => {
  /** Commits twice over the same rows and copies the files when the scrub has just finished its checkpoint. */
  async function filesAfterCheckpoint(directory: string): Promise<{ log: Uint8Array; latest: Entry[] }> {
    const file = join(directory, "live.sqlite")
    let copying = false
    const store = await openStore({
      file,
      migrations,
      ...never,
      scrubStep(step) {
        if (!copying || step !== "checkpoint") return
        copyFileSync(file, join(directory, "image.sqlite"))
        copyFileSync(`${file}-wal`, join(directory, "image.sqlite-wal"))
      },
    })
    let latest: Entry[] = Array.from({ length: 60 }, () => marked(randomBytes(32)))
    for (let round = 0; round < 3; round++) {
      latest = latest.map(({ tag }) => ({ tag, body: randomBytes(900) }))
      await submit(
        store,
        latest.map((row) => put(entries, row)),
      )
    }
    copying = true
    store.scrub()
    await store.close()
    return { log: new Uint8Array(readFileSync(join(directory, "image.sqlite-wal"))), latest }
  }

  async function readImage(directory: string, log: Uint8Array): Promise<Entry[]> {
    const file = join(directory, "cut.sqlite")
    copyFileSync(join(directory, "image.sqlite"), file)
    writeFileSync(`${file}-wal`, log)
    const store = await openStore({ file, migrations })
    expect(isZero(readFileSync(`${file}-wal`))).toBe(true)
    const rows = store.list(entries, {}, 1000)
    await store.close()
    return rows
  }

  const inKeyOrder = (rows: Entry[]) => rows.toSorted((a, b) => (a.tag.toHex() < b.tag.toHex() ? -1 : 1))

  test("is harmless whichever of its blocks reached the disk, once the header did", async () => {
    using directory = temporaryDirectory()
    const { log, latest } = await filesAfterCheckpoint(directory.path)
    expect(await readImage(directory.path, log)).toEqual(inKeyOrder(latest))
    for (let cut = 0; cut < 12; cut++) {
      const torn = log.slice().fill(0, 0, 32)
      for (let at = 512; at < torn.length; at += 512) if (Math.random() < 0.5) torn.fill(0, at, at + 512)
      expect(await readImage(directory.path, torn)).toEqual(inKeyOrder(latest))
    }
  })

  test("would bring back old rows if the header were overwritten last", async () => {
    using directory = temporaryDirectory()
    const { log, latest } = await filesAfterCheckpoint(directory.path)
    const used = log.findLastIndex((byte) => byte !== 0)
    const torn = log.slice().fill(0, Math.floor(used * 0.6))
    expect(await readImage(directory.path, torn)).not.toEqual(inKeyOrder(latest))
  })
})
