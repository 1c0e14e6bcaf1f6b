import { Database } from "bun:sqlite"
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** What somebody who takes the server's disk finds there: files, tables, rows and the sizes of their columns. */
export interface FileReport {
  readonly name: string
  readonly bytes: number
  readonly tables: readonly TableReport[]
}

export interface TableReport {
  readonly name: string
  readonly rows: number
  /** Per column the distinct lengths of its values in bytes (`1024`, `32-40`), or what kind of number it holds. */
  readonly columns: readonly { readonly name: string; readonly holds: string }[]
}

/** Looks at copies: a snapshot adversary does not ask the server either. */
export function reportFiles(directory: string): FileReport[] {
  return readdirSync(directory)
    .sort()
    .map((name) => {
      const file = join(directory, name)
      return { name, bytes: statSync(file).size, tables: name.endsWith(".sqlite") ? reportTables(file) : [] }
    })
}

function reportTables(file: string): TableReport[] {
  const scratch = mkdtempSync(join(tmpdir(), "cinder-look-"))
  const copy = join(scratch, "copy.sqlite")
  copyFileSync(file, copy)
  if (existsSync(`${file}-wal`)) copyFileSync(`${file}-wal`, `${copy}-wal`)
  const database = new Database(copy)
  try {
    const names = database
      .query<{ name: string }, []>("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
      .all()
    return names.map(({ name }) => reportTable(database, name))
  } finally {
    database.close()
    rmSync(scratch, { recursive: true })
  }
}

function reportTable(database: Database, name: string): TableReport {
  const columns = database.query<{ name: string }, []>(`SELECT name FROM pragma_table_info('${name}')`).all()
  const count = database.query<{ rows: number }, []>(`SELECT count(*) AS rows FROM "${name}"`).get()
  return {
    name,
    rows: count?.rows ?? 0,
    columns: columns.map((column) => ({
      name: column.name,
      holds: describeColumn(database, name, column.name),
    })),
  }
}

interface Shape {
  readonly kind: string | null
  readonly low: number | null
  readonly high: number | null
}

function describeColumn(database: Database, table: string, column: string): string {
  const shape = database
    .query<Shape, []>(
      `SELECT max(typeof("${column}")) AS kind, min(length("${column}")) AS low, max(length("${column}")) AS high
       FROM "${table}"`,
    )
    .get()
  if (shape === null || shape.kind === null) return "empty"
  if (shape.kind !== "blob") return shape.kind
  return shape.low === shape.high ? `${shape.low} bytes` : `${shape.low}-${shape.high} bytes`
}
