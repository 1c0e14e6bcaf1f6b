import { tablesOf } from "./columns.ts"
import type { Snapshot } from "./evidence.ts"
import { isPromised, kindOf } from "./promise.ts"
import type { StoredTable } from "./sqlite/contents.ts"

/** What the promise concedes: everything in the left column of its table, with the numbers of this snapshot. */
export interface Seen {
  readonly what: string
  readonly count: number
}

const MONTHS_BEFORE = 2020

/** What there is to count, wherever it is counted. */
export interface Counted {
  /** Rows of a table, and of those by month that are named so. */
  readonly rows: (table: string) => number
  /** For each month, since January 2020, how many groups were last active in it. */
  readonly months: ReadonlyMap<number, number>
  /** For each length in bytes, how many sealed records of groups have it. */
  readonly lengths: ReadonlyMap<number, number>
}

/** Cinder's tables by what is in them. */
export function seenOf({ rows, months, lengths }: Counted): Seen[] {
  return [
    { what: "users", count: rows("as_user") },
    { what: "clients of users", count: rows("as_client") },
    { what: "aliases", count: rows("as_alias") },
    { what: "connection packages", count: rows("as_connection_package") + rows("as_alias_package") },
    { what: "entries in connection queues, of all together", count: rows("as_pool") },
    { what: "pseudonyms of users", count: rows("qs_user") },
    { what: "pseudonyms of clients, with a queue each", count: rows("qs_client") },
    { what: "AddPackages", count: rows("qs_add_package") },
    { what: "entries in queues, of all together", count: rows("qs_pool") },
    { what: "groups", count: rows("ds_group") },
    ...inOrder(months, (month) => `groups last active in ${monthName(month)}`),
    ...inOrder(lengths, (length) => `sealed records of ${length} bytes`),
    { what: "tokens spent", count: rows("as_spent") + rows("delivery_spent") },
    { what: "clients that drew tokens today", count: rows("as_allowance") },
  ]
}

function inOrder(counts: ReadonlyMap<number, number>, what: (key: number) => string): Seen[] {
  return [...counts].sort(([a], [b]) => a - b).map(([key, count]) => ({ what: what(key), count }))
}

/** Cinder's tables by what is in them; of other tables, their rows. */
export function whatIsSeen(snapshot: Snapshot): Seen[] {
  const tables = tablesOf(snapshot).map(({ table }) => table)
  const strangers = tables.filter(({ name, columns }) => !isPromised(name, columns))
  if (strangers.length === tables.length) return rowsOf(strangers)
  const known = seenOf({
    rows: (wanted) => sum(tables.filter(({ name }) => kindOf(name) === wanted)),
    months: months(tables.find(({ name }) => name === "ds_group")),
    lengths: lengths(tables),
  })
  return [...known, ...rowsOf(strangers)]
}

function sum(tables: readonly StoredTable[]): number {
  return tables.reduce((total, { rows }) => total + rows.length, 0)
}

function rowsOf(tables: readonly StoredTable[]): Seen[] {
  return tables.map(({ name, rows }) => ({ what: `rows of ${name}`, count: rows.length }))
}

function months(groups: StoredTable | undefined): Map<number, number> {
  return countsOf((groups?.rows ?? []).map((row) => Number(row.values.get("month"))))
}

/** `2026-11`, of a month as Cinder's rows have it. */
export function monthName(month: number): string {
  return `${MONTHS_BEFORE + Math.floor(month / 12)}-${`${(month % 12) + 1}`.padStart(2, "0")}`
}

/** Size classes of groups: what their two records take together. */
function lengths(tables: readonly StoredTable[]): Map<number, number> {
  const records = tables.filter(({ name }) => name === "ds_head" || name === "ds_tree")
  return countsOf(records.flatMap(({ rows }) => rows.map((row) => lengthOf(row.values.get("ciphertext")))))
}

function countsOf(values: readonly number[]): Map<number, number> {
  const grouped = Map.groupBy(values, (value) => value)
  return new Map([...grouped].map(([value, some]) => [value, some.length]))
}

function lengthOf(value: unknown): number {
  return value instanceof Uint8Array ? value.length : 0
}
