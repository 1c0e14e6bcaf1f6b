import type { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import fc from "fast-check"
import { CannotLook, readSnapshot } from "../../src/audit/evidence.ts"
import { Workshop } from "./databases.ts"

/** What SQLite says is in all tables. */
function rowsBySqlite(database: Database): Map<string, unknown[][]> {
  const names = database
    .query<{ name: string }, []>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    )
    .all()
  return new Map(names.map(({ name }) => [name, database.query(`SELECT * FROM "${name}"`).values()]))
}

function rowsByReader(directory: string): Map<string, unknown[][]> {
  const [database] = readSnapshot(directory).databases
  const tables = database?.contents.tables.filter(({ name }) => !name.startsWith("sqlite_")) ?? []
  return new Map(
    tables.map(({ name, columns, rows }) => [
      name,
      rows.map(({ values }) => columns.map((column) => plain(values.get(column)))),
    ]),
  )
}

const plain = (value: unknown): unknown => (value instanceof Uint8Array ? new Uint8Array(value) : value)

const value = fc.oneof(
  fc.integer(),
  fc.constantFrom(0, 1, -1, 2 ** 40, -(2 ** 47), 0.5),
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.uint8Array({ maxLength: 60 }),
  fc.uint8Array({ minLength: 400, maxLength: 9000 }),
  fc.constant(null),
)
const step = fc.record({
  rows: fc.array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), value, value), { maxLength: 25 }),
  deleted: fc.nat(10),
  checkpoint: fc.boolean(),
})

test("whatever was written, replaced and deleted, checkpointed or not, it finds the rows that SQLite finds", () => {
  const options = fc.record({
    pageSize: fc.constantFrom(512, 1024, 4096, 65_536),
    encoding: fc.constantFrom("UTF-8", "UTF-16le", "UTF-16be"),
    vacuum: fc.constantFrom("NONE", "FULL"),
  })
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 6 }),
      options,
      (steps, { pageSize, encoding, vacuum }) => {
        using shop = new Workshop(
          `page_size = ${pageSize}`,
          `encoding = '${encoding}'`,
          `auto_vacuum = ${vacuum}`,
          "journal_mode = WAL",
          "wal_autocheckpoint = 0",
        )
        const { database } = shop
        database.run('CREATE TABLE counted (id INTEGER PRIMARY KEY, "a, b" BLOB, c /* , d */)')
        database.run("CREATE TABLE keyed (a, k BLOB, b, PRIMARY KEY (k)) WITHOUT ROWID")
        database.run("CREATE INDEX by_c ON counted (c)")
        for (const { rows, deleted, checkpoint } of steps) {
          for (const [k, a, b] of rows) {
            database.run('INSERT INTO counted ("a, b", c) VALUES (?, ?)', [a, b])
            database.run("INSERT OR REPLACE INTO keyed (k, a, b) VALUES (?, ?, ?)", [k, a, b])
          }
          for (const table of ["counted", "keyed"]) {
            const key = table === "counted" ? "id" : "k"
            database.run(
              `DELETE FROM ${table} WHERE ${key} IN (SELECT ${key} FROM ${table} LIMIT ${deleted})`,
            )
          }
          if (checkpoint) database.run("PRAGMA wal_checkpoint(PASSIVE)")
        }
        expect(rowsByReader(shop.copy())).toEqual(rowsBySqlite(database))
      },
    ),
    { numRuns: 60 },
  )
})

test("a column that was added later has no value in older rows", () => {
  using shop = new Workshop()
  shop.database.run("CREATE TABLE t (a)")
  shop.database.run("INSERT INTO t VALUES (7)")
  shop.database.run("ALTER TABLE t ADD COLUMN b")
  expect(rowsByReader(shop.copy())).toEqual(new Map([["t", [[7, null]]]]))
})

test("of a file that is damaged anywhere it says so or reads it, and never fails in another way", () => {
  using shop = new Workshop("page_size = 512", "journal_mode = WAL", "wal_autocheckpoint = 0")
  shop.database.run("CREATE TABLE t (k BLOB PRIMARY KEY, v) WITHOUT ROWID")
  shop.database.run("CREATE TABLE u (a, b)")
  for (let i = 0; i < 200; i++) {
    shop.database.run("INSERT INTO t VALUES (randomblob(16), randomblob(?))", [i * 7])
    shop.database.run("INSERT INTO u VALUES (?, ?)", [i, "text"])
    if (i === 150) shop.database.run("PRAGMA wal_checkpoint(TRUNCATE)")
  }
  shop.database.run("DELETE FROM t WHERE length(v) > 700")
  const directory = shop.copy()
  const [file, log] = [join(directory, "data.sqlite"), join(directory, "data.sqlite-wal")]
  const whole = { file: readFileSync(file), log: readFileSync(log) }
  const damage = fc.record({
    which: fc.constantFrom("file", "log") as fc.Arbitrary<"file" | "log">,
    flips: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 }),
    cut: fc.option(fc.nat()),
  })
  let refused = 0
  fc.assert(
    fc.property(damage, ({ which, flips, cut }) => {
      const bytes = { file: Buffer.from(whole.file), log: Buffer.from(whole.log) }
      const target = bytes[which]
      // Half of the damage goes where structure is: into the first pages and the beginnings of pages.
      for (const [at, byte] of flips) {
        const places = [at % target.length, at % 700, (at % (target.length / 512)) * 512 + (at % 12)]
        target[(places[at % 3] as number) % target.length] = byte
      }
      const kept = cut === null ? target.length : cut % target.length
      writeFileSync(file, which === "file" ? target.subarray(0, kept) : bytes.file)
      writeFileSync(log, which === "log" ? target.subarray(0, kept) : bytes.log)
      try {
        readSnapshot(directory)
      } catch (error) {
        expect(error).toBeInstanceOf(CannotLook)
        refused += 1
      }
    }),
    { numRuns: 600 },
  )
  expect(refused).toBeGreaterThan(50)
})

test("a directory without a database, or that is not there, cannot be looked at", () => {
  using shop = new Workshop()
  const directory = shop.copy()
  writeFileSync(join(directory, "data.sqlite"), "SQLite format 4\0")
  expect(() => readSnapshot(directory)).toThrow(CannotLook)
  expect(() => readSnapshot(join(directory, "nothing"))).toThrow(CannotLook)
})
