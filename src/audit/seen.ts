import { tablesOf } from "./columns.ts"
import type { Snapshot } from "./evidence.ts"
import { isPromised } from "./promise.ts"
import type { StoredTable } from "./sqlite/contents.ts"

/** What the promise concedes: everything in the left column of its table, with the numbers of this snapshot. */
export interface Seen {
  readonly what: string
  readonly count: number
}

const MONTHS_BEFORE = 2020

/** Cinder's tables by what is in them; of other tables, their rows. */
export function whatIsSeen(snapshot: Snapshot): Seen[] {
  const tables = tablesOf(snapshot).map(({ table }) => table)
  const rows = (name: string) => sum(tables.filter((table) => table.name.replace(/_\d{6}$/, "") === name))
  const strangers = tables.filter(({ name, columns }) => !isPromised(name, columns))
  const known = [
    { what: "users", count: rows("as_user") },
    { what: "clients of users", count: rows("as_client") },
    { what: "aliases, as hashes", count: rows("as_alias") },
    { what: "connection packages", count: rows("as_connection_package") + rows("as_alias_package") },
    { what: "entries in connection queues, of all together", count: rows("as_pool") },
    { what: "pseudonyms of users", count: rows("qs_user") },
    { what: "pseudonyms of clients, with a queue each", count: rows("qs_client") },
    { what: "AddPackages", count: rows("qs_add_package") },
    { what: "entries in queues, of all together", count: rows("qs_pool") },
    { what: "groups", count: rows("ds_group") },
    ...months(tables.find(({ name }) => name === "ds_group")),
    ...sizes(tables),
    { what: "tokens spent", count: rows("as_spent") + rows("delivery_spent") },
    { what: "clients that drew tokens today", count: rows("as_allowance") },
  ]
  if (strangers.length === tables.length) return rowsOf(strangers)
  return [...known, ...rowsOf(strangers)]
}

function sum(tables: readonly StoredTable[]): number {
  return tables.reduce((total, { rows }) => total + rows.length, 0)
}

function rowsOf(tables: readonly StoredTable[]): Seen[] {
  return tables.map(({ name, rows }) => ({ what: `rows of ${name}`, count: rows.length }))
}

function months(groups: StoredTable | undefined): Seen[] {
  const values = (groups?.rows ?? []).map((row) => Number(row.values.get("month")))
  return [...Map.groupBy(values, (month) => month)]
    .sort(([a], [b]) => a - b)
    .map(([month, some]) => ({ what: `groups last active in ${monthName(month)}`, count: some.length }))
}

/** `2026-11`, of a month as Cinder's rows have it. */
export function monthName(month: number): string {
  return `${MONTHS_BEFORE + Math.floor(month / 12)}-${`${(month % 12) + 1}`.padStart(2, "0")}`
}

/** Size classes of groups: what their two records take together. */
function sizes(tables: readonly StoredTable[]): Seen[] {
  const records = tables.filter(({ name }) => name === "ds_head" || name === "ds_tree")
  const lengths = records.flatMap(({ rows }) => rows.map((row) => lengthOf(row.values.get("ciphertext"))))
  return [...Map.groupBy(lengths, (length) => length)]
    .sort(([a], [b]) => a - b)
    .map(([length, some]) => ({ what: `sealed records of ${length} bytes`, count: some.length }))
}

function lengthOf(value: unknown): number {
  return value instanceof Uint8Array ? value.length : 0
}
