import { Buffer } from "node:buffer"
import { type NamedTable, tablesOf } from "../columns.ts"
import type { Snapshot } from "../evidence.ts"
import type { Row, StoredTable } from "../sqlite/contents.ts"

/** A row before and after. */
export interface ChangedRow {
  readonly before: Row
  readonly after: Row
}

/** What became of a table's rows between two copies. Rows are known by their keys. */
export interface TableChange {
  readonly database: string
  readonly table: string
  readonly columns: readonly string[]
  /** How many rows there were, and are. */
  readonly before: number
  readonly after: number
  readonly came: readonly Row[]
  readonly went: readonly Row[]
  readonly changed: readonly ChangedRow[]
}

/** Two copies, one after the other. */
export interface Interval {
  /** `copies 1 and 2` */
  readonly name: string
  readonly changes: readonly TableChange[]
}

export function intervalsOf(snapshots: readonly Snapshot[]): Interval[] {
  const copies = snapshots.map(tablesByPlace)
  return copies.slice(1).map((after, index) => {
    const before = copies[index] as Tables
    const places = new Map([...before, ...after])
    const changes = [...places].map(([place, named]) => changeOf(named, before.get(place), after.get(place)))
    return { name: `copies ${index + 1} and ${index + 2}`, changes }
  })
}

/** `as.sqlite: as_user` */
export function tablePlace({ database, table }: Pick<TableChange, "database" | "table">): string {
  return `${database}: ${table}`
}

/** How many rows were there before and are still, changed or not. */
export function stayed({ before, went }: TableChange): number {
  return before - went.length
}

/** By database and name. */
type Tables = ReadonlyMap<string, NamedTable>

function tablesByPlace(snapshot: Snapshot): Tables {
  return new Map(
    tablesOf(snapshot).map((named) => [
      tablePlace({ database: named.database, table: named.table.name }),
      named,
    ]),
  )
}

function changeOf(
  { database, table }: NamedTable,
  one: NamedTable | undefined,
  other: NamedTable | undefined,
): TableChange {
  const [before, after] = [rowsByKey(one?.table), rowsByKey(other?.table)]
  const both = [...after].flatMap(([key, row]) => {
    const earlier = before.get(key)
    return earlier === undefined ? [] : [{ before: earlier, after: row }]
  })
  return {
    database,
    table: table.name,
    columns: table.columns,
    before: before.size,
    after: after.size,
    came: [...after].filter(([key]) => !before.has(key)).map(([, row]) => row),
    went: [...before].filter(([key]) => !after.has(key)).map(([, row]) => row),
    changed: both.filter((row) => !row.before.cell.payload.equals(row.after.cell.payload)),
  }
}

function rowsByKey(table: StoredTable | undefined): Map<string, Row> {
  return new Map((table?.rows ?? []).map((row) => [keyOf(table as StoredTable, row), row]))
}

function keyOf({ key }: StoredTable, { cell, values }: Row): string {
  if (key.length === 0) return `${cell.rowId}`
  const parts = key.map((column) => values.get(column) ?? null)
  return parts.map((part) => (Buffer.isBuffer(part) ? part.toString("hex") : `${part}`)).join(" ")
}
