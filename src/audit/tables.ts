import type { Buffer } from "node:buffer"
import { bytesOf, type Column, columnsOf, numbersOf, tablesOf } from "./columns.ts"
import type { Snapshot } from "./evidence.ts"
import type { Role } from "./promise.ts"
import { monthName } from "./seen.ts"

/** One table as whoever takes the files finds it. */
export interface TableSeen {
  readonly name: string
  readonly rows: number
  readonly columns: readonly {
    readonly name: string
    /** What it is, as the promise has it, and how long: `sealed, 4116 bytes`; `month, 2026-11`. */
    readonly holds: string
  }[]
}

/** Every table, row counts and sizes alone; in the order of their names. */
export function tablesSeen(snapshot: Snapshot): TableSeen[] {
  const columns = columnsOf(snapshot)
  const tables = tablesOf(snapshot).map(({ database, table: { name, rows } }) => {
    const own = columns.filter((column) => column.database === database && column.table === name)
    return {
      name,
      rows: rows.length,
      columns: own.map((column) => ({ name: column.name, holds: holds(column) })),
    }
  })
  return tables.sort((one, other) => (one.name < other.name ? -1 : 1))
}

const WORDS: Readonly<Record<Role, string>> = {
  id: "random id",
  key: "public key",
  seed: "key",
  sealed: "sealed",
  padded: "sealed and padded",
  public: "published by clients",
  month: "month",
  place: "beginning of the id",
  part: "number of a part",
  flag: "yes or no",
  unknown: "of no promise",
}

function holds(column: Column): string {
  const { role } = column
  const numbers = numbersOf(column)
  const sizes = role === "month" ? monthsOf(numbers) : sizesOf(bytesOf(column))
  return sizes === "" ? WORDS[role] : `${WORDS[role]}, ${sizes}`
}

function monthsOf(months: readonly number[]): string {
  return [...new Set(months)]
    .sort((one, other) => one - other)
    .map(monthName)
    .join(" and ")
}

function sizesOf(values: readonly Buffer[]): string {
  if (values.length === 0) return ""
  const lengths = values.map(({ length }) => length)
  const low = lengths.reduce((least, length) => Math.min(least, length))
  const high = lengths.reduce((most, length) => Math.max(most, length))
  return low === high ? `${low} bytes` : `${low} to ${high} bytes`
}
