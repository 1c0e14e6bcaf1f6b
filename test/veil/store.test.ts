import { describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { put, remove, type Store, StoreClosed, StoreMisuse } from "../../src/store/database.ts"
import type { Migration } from "../../src/store/migrations.ts"
import { type OpenedStore, openStore } from "../../src/store/open.ts"
import { SlotsUnreadable } from "../../src/veil/slot-keys.ts"
import { VeiledStore } from "../../src/veil/store.ts"
import { defineVeiled } from "../../src/veil/table.ts"
import { windows } from "../queue/bytes.ts"
import { OpenedVeil } from "./opened.ts"

type Thing = { id: Uint8Array; value: Uint8Array }
const things = defineVeiled<Thing>("thing", ["id", "value"], 80)
const others = defineVeiled<Thing>("other", ["id", "value"], 80, 500)
const tables = [things, others]
const ROW = "(name BLOB NOT NULL PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID, STRICT"
const migrations: readonly Migration[] = [
  {
    version: 1,
    sql: `CREATE TABLE thing ${ROW}; CREATE TABLE other ${ROW};
      CREATE TABLE veil_epochs (id INTEGER NOT NULL PRIMARY KEY, epochs BLOB NOT NULL) WITHOUT ROWID, STRICT`,
  },
]

async function temporaryDisk() {
  const directory = mkdtempSync(join(tmpdir(), "cinder-veil-"))
  const disk = await openStore({ file: join(directory, "store.sqlite"), migrations })
  return {
    disk,
    async [Symbol.asyncDispose]() {
      await disk.close()
      rmSync(directory, { recursive: true })
    },
  }
}

const key = () => crypto.random(32)
const idOf = (number: number) => new Uint8Array(16).fill(number)
const bytesOf = (number: number) => Uint8Array.of(1, number)

async function fill(store: Store, count: number): Promise<void> {
  const rows = Array.from({ length: count }, (_, number) => ({ id: idOf(number), value: bytesOf(number) }))
  await store.writer.submit({
    expects: [],
    effects: () => rows.flatMap((row) => [put(things, row), put(others, row)]),
  })
}

function holds(store: Store, count: number): void {
  for (let number = 0; number < count; number++) {
    for (const table of tables) expect(store.get(table, { id: idOf(number) })?.value).toEqual(bytesOf(number))
  }
}

/** A store that takes only so many more changes, as if the process ended then. */
function endingAfter(disk: OpenedStore, units: number): Store {
  let left = units
  return {
    get: (table, row) => disk.get(table, row),
    list: (table, prefix, limit, after) => disk.list(table, prefix, limit, after),
    count: (table) => disk.count(table),
    partitions: (prefix) => disk.partitions(prefix),
    writer: {
      submit: (unit) => (left-- > 0 ? disk.writer.submit(unit) : Promise.reject(new StoreClosed())),
      dropTable: (table) => disk.writer.dropTable(table),
    },
  }
}

describe("a veiled table", () => {
  test("has names and bodies of one length that share no eight bytes with ids, values or each other", async () => {
    await using place = await temporaryDisk()
    const veil = new OpenedVeil(place.disk, [key()], tables)
    await fill(veil, 40)
    const rows = tables.flatMap((table) => veil.stored(table))
    expect(rows).toHaveLength(80)
    expect(new Set(rows.map(({ name, body }) => `${name.length} ${body.length}`)).size).toBe(1)
    const sets = rows.map(({ name, body }) => windows(Buffer.concat([name, body]), 8))
    const known = windows(Buffer.concat(Array.from({ length: 40 }, (_, number) => idOf(number))), 8)
    for (const [i, one] of sets.entries()) {
      expect(one.isDisjointFrom(known)).toBe(true)
      for (const other of sets.slice(i + 1)) expect(one.isDisjointFrom(other)).toBe(true)
    }
  })

  test("has rows of few lengths, and takes none that is too long", async () => {
    await using place = await temporaryDisk()
    const veil = new OpenedVeil(place.disk, [key()], tables)
    for (let length = 0; length <= 484; length += 11) {
      await veil.writer.submit({
        expects: [],
        effects: () => [put(others, { id: crypto.random(16), value: new Uint8Array(length) })],
      })
    }
    expect(new Set(veil.stored(others).map(({ body }) => body.length)).size).toBe(2)
    const long = put(others, { id: crypto.random(16), value: new Uint8Array(490) })
    await expect(veil.writer.submit({ expects: [], effects: () => [long] })).rejects.toThrow(StoreMisuse)
  })

  test("does not open under another key, and a body does not open under another name", async () => {
    await using place = await temporaryDisk()
    const slotKey = key()
    const veil = new OpenedVeil(place.disk, [slotKey], tables)
    await veil.start()
    await fill(veil, 2)
    expect(() => new OpenedVeil(place.disk, [key()], tables)).toThrow(SlotsUnreadable)
    const [one, other] = veil.stored(things)
    const swapped = [put(things.stored, { name: one!.name, body: other!.body })]
    await place.disk.writer.submit({ expects: [], effects: () => swapped })
    expect(() => veil.rows(things)).toThrow(SlotsUnreadable)
  })

  test("is not listed, and whether it has a row is not expected but looked up", async () => {
    await using place = await temporaryDisk()
    const veil = new OpenedVeil(place.disk, [key()], tables)
    expect(() => veil.list(things, {}, 1)).toThrow(StoreMisuse)
    const expectation = { kind: "absent", table: things, key: [idOf(1)] } as const
    expect(() => veil.writer.submit({ expects: [expectation], effects: () => [] })).toThrow(StoreMisuse)
  })
})

describe("a pass", () => {
  test("leaves no sixteen bytes of any row, and every row under its id", async () => {
    await using place = await temporaryDisk()
    const veil = new OpenedVeil(place.disk, [key()], tables)
    await fill(veil, 200)
    const shown = () =>
      tables.flatMap((table) => veil.stored(table)).flatMap(({ name, body }) => [name, body])
    const before = windows(Buffer.concat(shown()), 16)
    await veil.pass()
    expect(windows(Buffer.concat(shown()), 16).isDisjointFrom(before)).toBe(true)
    expect(veil.count(things)).toBe(200)
    holds(veil, 200)
  })

  test("that a crash ends at any step loses nothing, and the next start finishes it", async () => {
    await using place = await temporaryDisk()
    const slotKeys = [key()]
    await fill(new VeiledStore({ crypto, store: place.disk, slotKeys, tables }), 150)
    const seen = new Set<string>()
    let steps = 0
    for (let ended = true; ended; steps++) {
      const store = endingAfter(place.disk, steps)
      const pass = new VeiledStore({ crypto, store, slotKeys, tables }).pass()
      ended = await pass.then(
        () => false,
        (error) => {
          expect(error).toBeInstanceOf(StoreClosed)
          return true
        },
      )
      const restarted = new OpenedVeil(place.disk, slotKeys, tables)
      holds(restarted, 150)
      await restarted.start()
      holds(restarted, 150)
      expect([restarted.count(things), restarted.count(others)]).toEqual([150, 150])
      const names = restarted.stored(things).map(({ name }) => name.toHex())
      if (steps > 0) expect(names.some((name) => seen.has(name))).toBe(false)
      for (const name of names) seen.add(name)
    }
    expect(steps).toBeGreaterThan(6)
  })

  test("races with requests, and no change of theirs is lost", async () => {
    await using place = await temporaryDisk()
    const veil = new OpenedVeil(place.disk, [key()], tables)
    await fill(veil, 250)
    const counted = (row: Thing): Thing => ({ ...row, value: Uint8Array.of(1, row.value[1]! + 1) })
    const add = (number: number) =>
      veil.writer.submit({
        expects: [],
        effects: (view) => [put(things, counted(view.get(things, { id: idOf(number) })!))],
      })
    let passing = true
    const passes = veil.pass().then(() => veil.pass())
    const requests = Array.from({ length: 8 }, async (_, worker) => {
      const added: number[] = []
      while (passing) {
        const number = (worker * 31 + added.length * 7) % 100
        await add(number)
        added.push(number)
        expect(veil.get(things, { id: idOf(number) })).toBeDefined()
      }
      return added
    })
    await passes
    passing = false
    const added = (await Promise.all(requests)).flat()
    expect(added.length).toBeGreaterThan(20)
    for (let number = 0; number < 100; number++) {
      const times = added.filter((other) => other === number).length
      expect(veil.get(things, { id: idOf(number) })?.value).toEqual(Uint8Array.of(1, (number + times) % 256))
    }
    expect(veil.count(things)).toBe(250)
  })

  test("does not bring back what is deleted while it is under way", async () => {
    await using place = await temporaryDisk()
    const veil = new OpenedVeil(place.disk, [key()], tables)
    await fill(veil, 200)
    const pass = veil.pass()
    for (let number = 0; number < 200; number++) {
      await veil.writer.submit({ expects: [], effects: () => [remove(things, { id: idOf(number) })] })
    }
    await pass
    expect(veil.count(things)).toBe(0)
    expect(veil.count(others)).toBe(200)
  })

  test("lets a slot key go, and not before it is through", async () => {
    await using place = await temporaryDisk()
    const [first, second] = [key(), key()]
    const veil = (...keys: Uint8Array[]) => new OpenedVeil(place.disk, keys, tables)
    await veil(first).start()
    await fill(veil(first), 150)
    expect(() => veil(second)).toThrow(SlotsUnreadable)
    holds(veil(first, second), 150)
    const half = new VeiledStore({
      crypto,
      store: endingAfter(place.disk, 3),
      slotKeys: [first, second],
      tables,
    })
    await expect(half.pass()).rejects.toThrow(StoreClosed)
    await expect(veil(second).start()).rejects.toThrow(SlotsUnreadable)
    await veil(first, second).start()
    holds(veil(second), 150)
  })
})

type Step =
  | { readonly kind: "put" | "remove"; readonly number: number; readonly value: number }
  | { readonly kind: "pass" | "restart" | "rotate" | "retire" }
  | { readonly kind: "crash"; readonly units: number }

const number = fc.nat({ max: 12 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom("put", "remove"), number, value: fc.nat(255) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("pass", "restart", "rotate", "retire") }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("crash"), units: fc.nat(4) }) },
)

test("any sequence of changes, passes, crashes in passes, restarts and rotations is as a map would be", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      await using place = await temporaryDisk()
      const model = new Map<number, number>()
      let keys = [key()]
      let veil = new OpenedVeil(place.disk, keys, tables)
      await veil.start()
      const restart = async () => {
        veil = new OpenedVeil(place.disk, keys, tables)
        await veil.start()
      }
      for (const one of steps) {
        if (one.kind === "put") {
          model.set(one.number, one.value)
          const row = { id: idOf(one.number), value: bytesOf(one.value) }
          await veil.writer.submit({ expects: [], effects: () => [put(things, row)] })
        } else if (one.kind === "remove") {
          model.delete(one.number)
          const id = idOf(one.number)
          await veil.writer.submit({ expects: [], effects: () => [remove(things, { id })] })
        } else if (one.kind === "pass") await veil.pass()
        else if (one.kind === "crash") {
          const store = endingAfter(place.disk, one.units)
          const dying = new VeiledStore({ crypto, store, slotKeys: keys, tables })
          await dying.pass().catch(() => undefined)
          veil = new OpenedVeil(place.disk, keys, tables)
        } else if (one.kind === "restart") await restart()
        else if (one.kind === "rotate") {
          keys = [...keys, key()]
          await restart()
        } else {
          await veil.pass()
          keys = keys.slice(-1)
          await restart()
        }
        expect(veil.count(things)).toBe(model.size)
        for (let id = 0; id <= 12; id++) {
          const value = model.get(id)
          const row = veil.get(things, { id: idOf(id) })
          expect(row?.value).toEqual(value === undefined ? undefined : bytesOf(value))
        }
      }
    }),
    { numRuns: 60 },
  )
}, 60_000)
