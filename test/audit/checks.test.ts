import { describe, expect, test } from "bun:test"
import { chmodSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { audit } from "../../src/audit/audit.ts"
import { parseKnown } from "../../src/audit/checks/known.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import { findingOf, random, Workshop } from "./databases.ts"

/** Pragmas of a store that leaves as little as SQLite can. */
const CAREFUL = ["page_size = 4096", "secure_delete = ON", "journal_mode = OFF"]
const KEYED = "CREATE TABLE t (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID"

/** Rows in the order of their keys, as a store writes them that mixes what comes together. */
function sortedRows(count: number, length = 40): [Uint8Array, Uint8Array][] {
  return Array.from({ length: count }, (): [Uint8Array, Uint8Array] => [random(16), random(length)]).sort(
    ([a], [b]) => Buffer.compare(a, b),
  )
}

function insertAll(shop: Workshop, rows: readonly [Uint8Array, Uint8Array][]): void {
  shop.database.run("BEGIN")
  for (const row of rows) shop.database.run("INSERT INTO t VALUES (?, ?)", row)
  shop.database.run("COMMIT")
}

test("a database of random rows that came in the order of their keys, all at once, shows nothing", () => {
  using shop = new Workshop(...CAREFUL)
  shop.database.run(KEYED)
  insertAll(shop, sortedRows(60))
  const { findings } = shop.audit()
  expect(findings.filter(({ pass }) => !pass)).toEqual([])
  for (const { measure, chance } of findings) expect(measure.value).toBe(chance)
})

describe("it notices", () => {
  test("row ids, by as many bits as the order of the rows has", () => {
    using shop = new Workshop(...CAREFUL)
    shop.database.run("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v BLOB)")
    for (let i = 0; i < 5; i++) shop.database.run("INSERT INTO t (v) VALUES (?)", [random(16)])
    const found = shop.audit()
    expect(findingOf(found, "row-ids")).toMatchObject({ pass: false, details: ["data.sqlite: t, 5 rows"] })
    expect(findingOf(found, "row-ids").measure.value).toBeCloseTo(Math.log2(120))
    expect(findingOf(found, "engine-tables").pass).toBe(false)
  })

  test("and lets row ids pass that are random", () => {
    using shop = new Workshop(...CAREFUL)
    shop.database.run("CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB)")
    for (let i = 0; i < 5; i++)
      shop.database.run("INSERT INTO t VALUES (random() | 4611686018427387904, ?)", [random(16)])
    expect(findingOf(shop.audit(), "row-ids").pass).toBe(true)
  })

  test("rows that lie in their pages as they came", () => {
    using shop = new Workshop(...CAREFUL)
    shop.database.run(KEYED)
    for (const row of sortedRows(30)
      .reverse()
      .sort(() => Math.random() - 0.5)) {
      shop.database.run("INSERT INTO t VALUES (?, ?)", row)
    }
    expect(findingOf(shop.audit(), "cell-order").pass).toBe(false)
  })

  test("a log with transactions, also those of before it began anew", () => {
    using shop = new Workshop("journal_mode = WAL", "wal_autocheckpoint = 0", "secure_delete = ON")
    shop.database.run(KEYED)
    for (const row of sortedRows(9)) shop.database.run("INSERT INTO t VALUES (?, ?)", row)
    expect(findingOf(shop.audit(), "log").measure.value).toBe(10)
    shop.database.run("PRAGMA wal_checkpoint(RESTART)")
    insertAll(shop, sortedRows(2))
    // The new transaction took the place of the first pages only.
    expect(findingOf(shop.audit(), "log").measure.value).toBeGreaterThan(8)
    shop.database.run("PRAGMA wal_checkpoint(TRUNCATE)")
    expect(findingOf(shop.audit(), "log").pass).toBe(true)
  })

  test("deleted rows in pages, in free pages and behind the end", () => {
    for (const [what, deletion] of [
      ["pages", "DELETE FROM t WHERE k < x'40'"],
      ["free pages", "DROP TABLE t"],
    ] as const) {
      using shop = new Workshop("secure_delete = OFF", "journal_mode = DELETE")
      shop.database.run(KEYED)
      insertAll(shop, sortedRows(400, 100))
      shop.database.run(deletion)
      expect([what, findingOf(shop.audit(), "residue").measure.value > 5000]).toEqual([what, true])
    }
    using shop = new Workshop(...CAREFUL)
    shop.database.run(KEYED)
    const directory = shop.copy()
    writeFileSync(join(directory, "data.sqlite"), random(100), { flag: "a" })
    expect(findingOf(audit({ paths: [directory], known: [] }), "residue").pass).toBe(false)
  })

  test("counters, and lets a single value pass", () => {
    using shop = new Workshop(...CAREFUL)
    shop.database.run("CREATE TABLE t (k BLOB PRIMARY KEY, unread INTEGER, version INTEGER) WITHOUT ROWID")
    for (const [key] of sortedRows(8)) {
      shop.database.run("INSERT INTO t VALUES (?, ?, 1)", [key, Math.floor(Math.random() * 2 ** 20)])
    }
    expect(findingOf(shop.audit(), "counters").details).toEqual([
      expect.stringMatching(/^data.sqlite: t.unread/),
    ])
  })

  test.each([
    ["seconds", (ms: number) => Math.floor(ms / 1000)],
    ["milliseconds", (ms: number) => ms],
    ["text", (ms: number) => new Date(ms).toISOString()],
    ["SQL text", (ms: number) => new Date(ms).toISOString().replace("T", " ").slice(0, 19)],
    ["bytes inside a blob", (ms: number) => inside((view) => view.setBigUint64(20, BigInt(ms)))],
    [
      "bytes inside a blob, the other way round",
      (ms: number) => inside((view) => view.setBigUint64(9, BigInt(ms), true)),
    ],
    [
      "text inside a blob",
      (ms: number) => Buffer.concat([random(5), utf8(new Date(ms).toISOString()), random(9)]),
    ],
  ])("times as %s", (_, write) => {
    using shop = new Workshop(...CAREFUL)
    shop.database.run("CREATE TABLE t (k BLOB PRIMARY KEY, made) WITHOUT ROWID")
    const start = Date.UTC(2026, 10, 3)
    for (const [index, [key]] of sortedRows(16).entries()) {
      shop.database.run("INSERT INTO t VALUES (?, ?)", [key, write(start + index * 5_000_000)])
    }
    const { pass, measure } = findingOf(shop.audit(), "column-times")
    expect(pass).toBe(false)
    expect(measure.value).toBeCloseTo(4)
  })

  test("and lets times pass that are the same for all of a month", () => {
    using shop = new Workshop(...CAREFUL)
    shop.database.run("CREATE TABLE t (k BLOB PRIMARY KEY, made INTEGER) WITHOUT ROWID")
    for (const [index, [key]] of sortedRows(16).entries()) {
      shop.database.run("INSERT INTO t VALUES (?, ?)", [key, Date.UTC(2026, index % 3) / 1000])
    }
    expect(findingOf(shop.audit(), "column-times").pass).toBe(true)
  })

  test("lengths that differ", () => {
    using shop = new Workshop(...CAREFUL)
    shop.database.run(KEYED)
    insertAll(shop, [...sortedRows(8, 40), ...sortedRows(8, 41)])
    expect(findingOf(shop.audit(), "lengths").measure.value).toBeCloseTo(1)
  })

  test("text, and bytes with a form, where random ones should be", () => {
    using shop = new Workshop(...CAREFUL)
    shop.database.run(KEYED)
    const words = (i: number) => utf8(`message ${i} `.padEnd(64, "of words "))
    insertAll(
      shop,
      sortedRows(64).map(([key], i): [Uint8Array, Uint8Array] => [key, words(i)]),
    )
    expect(findingOf(shop.audit(), "randomness").details).toEqual([
      expect.stringMatching(/^data.sqlite: t.v/),
    ])
  })

  test("the same bytes in two tables, and in two rows of one", () => {
    using shop = new Workshop(...CAREFUL)
    shop.database.run(KEYED)
    shop.database.run("CREATE TABLE other (k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID")
    const rows = sortedRows(20)
    insertAll(shop, rows)
    for (const [key, value] of sortedRows(20))
      shop.database.run("INSERT INTO other VALUES (?, ?)", [key, value])
    expect(findingOf(shop.audit(), "repeated").pass).toBe(true)
    const [, value] = rows[3] as [Uint8Array, Uint8Array]
    const shared = Buffer.concat([random(7), value.subarray(5, 25), random(13)])
    shop.database.run("INSERT INTO other VALUES (?, ?)", [random(16), shared])
    expect(findingOf(shop.audit(), "repeated").details).toEqual(["data.sqlite: t.v and data.sqlite: other.v"])
    shop.database.run("INSERT INTO t VALUES (?, ?)", [
      random(16),
      Buffer.concat([random(1), value.subarray(0, 39)]),
    ])
    expect(findingOf(shop.audit(), "repeated").details).toContain("data.sqlite: t.v, several rows")
  })

  test("what is known, as it is or written down in another form", () => {
    const known = [random(32), utf8("the quiet word"), random(16)]
    const [key, , id] = known as [Uint8Array<ArrayBuffer>, Uint8Array, Uint8Array]
    const forms = [
      key,
      utf8(key.toHex()),
      Buffer.from(Buffer.concat([random(4), key, random(3)]).toString("base64")),
      id,
    ]
    for (const form of forms) {
      using shop = new Workshop(...CAREFUL)
      shop.database.run(KEYED)
      insertAll(shop, [[random(16), Buffer.concat([random(3), form])]])
      expect(findingOf(shop.audit(known), "known").pass).toBe(false)
      expect(findingOf(shop.audit([random(32)]), "known").pass).toBe(true)
    }
  })

  test("logs, secrets and keys beside the data, files that others can read, and when they were written", () => {
    using shop = new Workshop(...CAREFUL)
    shop.database.run(KEYED)
    const directory = shop.copy()
    const look = () => audit({ paths: [directory], known: [] })
    const failing = (ids: readonly string[]) => ids.filter((id) => !findingOf(look(), id).pass)
    const ids = ["other-files", "secrets-inside", "permissions", "file-times"]
    chmodSync(join(directory, "data.sqlite"), 0o600)
    expect(failing(ids)).toEqual([])
    writeFileSync(join(directory, "access.log"), "GET /", { mode: 0o600 })
    expect(failing(ids)).toEqual(["other-files"])
    writeFileSync(join(directory, "secrets"), "Cinder 1 secrets\n…", { mode: 0o600 })
    expect(failing(ids)).toEqual(["other-files", "secrets-inside"])
    chmodSync(join(directory, "data.sqlite"), 0o640)
    expect(failing(ids)).toEqual(["other-files", "secrets-inside", "permissions"])
    const later = new Date(Date.now() + 3_600_000)
    utimesSync(join(directory, "data.sqlite"), later, later)
    expect(failing(ids)).toEqual(ids)
    const month = new Date(Date.UTC(later.getUTCFullYear() + 1, 0))
    utimesSync(join(directory, "data.sqlite"), month, month)
    expect(failing(ids)).toEqual(["other-files", "secrets-inside", "permissions"])
  })

  test("tables that are not Cinder's beside some that are", () => {
    using shop = new Workshop(...CAREFUL)
    shop.database.run("CREATE TABLE as_user (user BLOB PRIMARY KEY, record BLOB) WITHOUT ROWID")
    expect(findingOf(shop.audit(), "schema").pass).toBe(true)
    shop.database.run("CREATE TABLE ds_group (group_id BLOB PRIMARY KEY, members BLOB) WITHOUT ROWID")
    expect(findingOf(shop.audit(), "schema").details).toEqual(["data.sqlite: ds_group"])
  })
})

function inside(write: (view: DataView) => void): Uint8Array {
  const bytes = random(48)
  write(new DataView(bytes.buffer))
  return bytes
}

test("known things are given one a line, in three forms", () => {
  const lines = ["# keys", "hex:000102030405", "base64:AAECAwQF", "", "some words", "héllo wörld\r"]
  const bytes = Uint8Array.of(0, 1, 2, 3, 4, 5)
  expect(parseKnown(lines.join("\n")).map((thing) => new Uint8Array(thing))).toEqual([
    bytes,
    bytes,
    Uint8Array.from(utf8("some words")),
    Uint8Array.from(utf8("héllo wörld")),
  ])
  for (const bad of ["hex:0001020304050", "hex:0001", "base64:!", "short"]) {
    expect(() => parseKnown(`# first\n${bad}`)).toThrow("line 2")
  }
})
