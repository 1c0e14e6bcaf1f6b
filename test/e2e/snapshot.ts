import { Database } from "bun:sqlite"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { isFresh, kindOf } from "../../src/audit/promise.ts"
import { equal, utf8 } from "../../src/wire/bytes.ts"

export type Value = Uint8Array | number | string | null
export type Row = Readonly<Record<string, Value>>

/** A data directory as somebody has it who took the disk. */
export class Snapshot {
  readonly files: ReadonlyMap<string, Uint8Array>
  #contents: Contents | undefined

  constructor(files: ReadonlyMap<string, Uint8Array>) {
    this.files = files
  }

  static take(directory: string): Snapshot {
    const names = readdirSync(directory).sort()
    return new Snapshot(
      new Map(names.map((name) => [name, new Uint8Array(readFileSync(join(directory, name)))])),
    )
  }

  /** Of a server that is idle: waits until everything has its place, its logs are scrubbed and nothing is written any more. */
  static async settled(directory: string): Promise<Snapshot> {
    let before = Snapshot.take(directory)
    for (;;) {
      await Bun.sleep(300)
      const now = Snapshot.take(directory)
      if (now.isClean && now.equals(before)) return now
      before = now
    }
  }

  equals(other: Snapshot): boolean {
    if (this.files.size !== other.files.size) return false
    for (const [name, bytes] of this.files) {
      const same = other.files.get(name)
      if (same === undefined || !equal(bytes, same)) return false
    }
    return true
  }

  /** Whether the databases' logs hold only zeros: whatever was written is scrubbed. */
  get logsAreClean(): boolean {
    return [...this.files].every(
      ([name, bytes]) => !name.endsWith("-wal") || bytes.every((byte) => byte === 0),
    )
  }

  /** Nor are there rows that have not moved to their places. */
  get isClean(): boolean {
    return this.logsAreClean && [...this.tables].every(([name, rows]) => !isFresh(name) || rows.length === 0)
  }

  /** Whatever belongs to one database: the file itself, its log, and what else may lie beside it. */
  database(name: "as" | "delivery"): Uint8Array[] {
    return [...this.files].filter(([file]) => file.startsWith(`${name}.`)).map(([, bytes]) => bytes)
  }

  /** All tables of both databases, with every row in the order of the keys. */
  get tables(): ReadonlyMap<string, readonly Row[]> {
    return this.#read().tables
  }

  /** The text of the schemas. */
  get schema(): Uint8Array {
    return utf8(this.#read().schema)
  }

  rows(table: string): readonly Row[] {
    const rows = this.tables.get(table)
    if (rows === undefined) throw new Error(`no table ${table}`)
    return rows
  }

  #read(): Contents {
    this.#contents ??= readContents(this.files)
    return this.#contents
  }

  /** The rows of a service's pool, all months together. */
  pool(prefix: "as_pool" | "qs_pool"): { readonly tag: Uint8Array; readonly entry: Uint8Array }[] {
    return [...this.tables]
      .filter(([name]) => kindOf(name) === prefix)
      .flatMap(([, rows]) => rows.map((row) => ({ tag: blob(row["tag"]), entry: blob(row["entry"]) })))
  }

  /** The values of all rows of the tables with this prefix, byte strings only. */
  blobs(prefix: string): Uint8Array[] {
    return [...this.tables]
      .filter(([name]) => name.startsWith(prefix))
      .flatMap(([, rows]) => rows.flatMap((row) => Object.values(row)))
      .filter((value) => value instanceof Uint8Array)
  }
}

interface Contents {
  readonly tables: ReadonlyMap<string, readonly Row[]>
  readonly schema: string
}

export function blob(value: Value | undefined): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new Error("not a byte string")
  return value
}

function readContents(files: ReadonlyMap<string, Uint8Array>): Contents {
  const scratch = mkdtempSync(join(tmpdir(), "cinder-e2e-snapshot-"))
  try {
    for (const [name, bytes] of files) writeFileSync(join(scratch, name), bytes)
    const tables = new Map<string, Row[]>()
    let schema = ""
    for (const name of files.keys()) {
      if (!name.endsWith(".sqlite")) continue
      const database = new Database(join(scratch, name))
      const names = database
        .query<{ name: string; sql: string }, []>(
          "SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name",
        )
        .all()
      for (const { name: table, sql } of names) {
        tables.set(table, database.query<Row, []>(`SELECT * FROM "${table}"`).all())
        schema += sql
      }
      database.close()
    }
    return { tables, schema }
  } finally {
    rmSync(scratch, { recursive: true })
  }
}
