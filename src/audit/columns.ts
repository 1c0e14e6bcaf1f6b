import { Buffer } from "node:buffer"
import type { Snapshot } from "./evidence.ts"
import { type Role, roleOf } from "./promise.ts"
import type { StoredTable } from "./sqlite/contents.ts"
import type { Value } from "./sqlite/record.ts"

/** One column of one table at one moment. */
export interface Column {
  readonly database: string
  readonly table: string
  readonly name: string
  readonly role: Role
  /** In the order of the keys. */
  readonly values: readonly Value[]
}

export interface NamedTable {
  readonly database: string
  readonly table: StoredTable
}

/** SQLite's own are not among them. */
export function tablesOf({ databases }: Snapshot): NamedTable[] {
  return databases.flatMap(({ name, contents }) =>
    contents.tables
      .filter((table) => !table.name.startsWith("sqlite_"))
      .map((table) => ({ database: name, table })),
  )
}

export function columnsOf(snapshot: Snapshot): Column[] {
  return tablesOf(snapshot).flatMap(({ database, table }) =>
    table.columns.map((name) => {
      const values = table.rows.map((row) => row.values.get(name) ?? null)
      return { database, table: table.name, name, role: roleOf(table.name, name), values }
    }),
  )
}

export function placeOf({ database, table, name }: Column): string {
  return `${database}: ${table}.${name}`
}

/** Byte strings and texts of a column. */
export function bytesOf({ values }: Pick<Column, "values">): Buffer[] {
  return values.flatMap((value) => {
    if (typeof value === "string") return [Buffer.from(value)]
    return value instanceof Uint8Array ? [value] : []
  })
}

export function numbersOf({ values }: Pick<Column, "values">): number[] {
  return values.filter((value) => typeof value === "number")
}

/** The same, each once. */
export function distinctBytesOf(column: Pick<Column, "values">): Buffer[] {
  return [...new Map(bytesOf(column).map((bytes) => [bytes.toString("latin1"), bytes])).values()]
}
