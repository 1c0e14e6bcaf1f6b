import type { SQLQueryBindings } from "bun:sqlite"
import type { AnyTable, Value } from "./database.ts"
import { placeOf } from "./place.ts"

/** The SQL of tables, and what is bound to it. */

/** The column of a placed table that says where a row lies. */
const PLACE = "place"

export function getSql(table: AnyTable): string {
  return `SELECT ${table.columns.join()} FROM ${table.name} WHERE ${matches(foundBy(table))}`
}

export function removeSql(table: AnyTable): string {
  return `DELETE FROM ${table.name} WHERE ${matches(foundBy(table))}`
}

/** The values for {@link getSql} and {@link removeSql}. */
export function keyBindings({ placed }: AnyTable, key: readonly Value[]): SQLQueryBindings[] {
  return bindings(placed ? [placeOf(key[0]), ...key] : key)
}

/** Changes nothing if another row has the place of a placed one. */
export function putSql({ name, key, columns, placed }: AnyTable): string {
  const all = placed ? [PLACE, ...columns] : columns
  const rest = columns.filter((column) => !key.includes(column))
  const change = rest.map((column) => `${column} = excluded.${column}`).join()
  const same = placed ? ` WHERE ${name}.${key[0]} = excluded.${key[0]}` : ""
  return (
    `INSERT INTO ${name} (${all.join()}) VALUES (${unknowns(all)}) ` +
    `ON CONFLICT (${placed ? PLACE : key.join()}) DO ${rest.length === 0 ? "NOTHING" : `UPDATE SET ${change}${same}`}`
  )
}

export function rowBindings({ columns, key, placed }: AnyTable, row: object): SQLQueryBindings[] {
  const given = row as Record<string, Value>
  const values = columns.map((column) => given[column] as Value)
  return bindings(placed ? [placeOf(given[key[0] as string]), ...values] : values)
}

/** Rows of one table or of several alike, the first columns of whose key are given, after a key or from the beginning. */
export function listSql(table: AnyTable, names: readonly string[], prefix: number, isAfter: boolean): string {
  const order = table.placed ? [PLACE] : table.key
  const conditions = prefix === 0 ? [] : [matches(table.key.slice(0, prefix))]
  if (isAfter) conditions.push(`(${order.join()}) > (${unknowns(order)})`)
  const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`
  const rows = names.map((name) => `SELECT * FROM ${name}`).join(" UNION ALL ")
  return `SELECT ${table.columns.join()} FROM (${rows}) ${where} ORDER BY ${order.join()} LIMIT ?`
}

export function listBindings(
  { placed }: AnyTable,
  prefix: readonly Value[],
  after: readonly Value[],
  limit: number,
): SQLQueryBindings[] {
  const past = placed && after.length > 0 ? [placeOf(after[0])] : after
  return bindings([...prefix, ...past, limit])
}

function foundBy({ key, placed }: AnyTable): readonly string[] {
  return placed ? [PLACE, ...key] : key
}

function matches(columns: readonly string[]): string {
  return columns.map((column) => `${column} = ?`).join(" AND ")
}

function unknowns(columns: readonly string[]): string {
  return columns.map(() => "?").join()
}

function bindings(values: readonly Value[]): SQLQueryBindings[] {
  return values as SQLQueryBindings[]
}
