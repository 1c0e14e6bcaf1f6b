import { Buffer } from "node:buffer"
import { tablesOf } from "../columns.ts"
import type { Snapshot } from "../evidence.ts"
import type { Row } from "../sqlite/contents.ts"
import type { Value } from "../sqlite/record.ts"

/** A row, and whose it is. */
export interface OwnedRow {
  /** Database and table. */
  readonly place: string
  /** Its place in the order of the table's keys. */
  readonly index: number
  readonly row: Row
}

/** Rows by the ids of things. */
export type Owners = ReadonlyMap<string, readonly OwnedRow[]>

/** An id alone, or one of 16 bytes at the beginning of a longer one; and what else names rows. */
const NAME_BYTES_MIN = 16
const NAME_BYTES_MAX = 64
const SHORT_ID_DIGITS = 32
/** Steps from a thing's row to a row that its row names. */
const STEPS = 2

/**
 * Which rows are whose, whatever the schema: a row is the thing's whose id it holds first. Rows that name no thing, but share a name with
 * rows of just one, are its as well.
 */
export function ownersOf(snapshot: Snapshot, ids: ReadonlySet<string>): Owners {
  const owners = new Map<string, OwnedRow[]>()
  let others: OwnedRow[] = []
  const own = (id: string, row: OwnedRow) => {
    const rows = owners.get(id)
    if (rows === undefined) owners.set(id, [row])
    else rows.push(row)
  }
  for (const { database, table } of tablesOf(snapshot)) {
    for (const [index, row] of table.rows.entries()) {
      const owned = { place: `${database}: ${table.name}`, index, row }
      const id = idIn(row, ids)
      if (id === undefined) others.push(owned)
      else own(id, owned)
    }
  }
  for (let step = 0; step < STEPS; step++) {
    const names = namesIn(owners, ids)
    others = others.filter((owned) => {
      const id = [...owned.row.values.values()].map((value) => names.get(nameOf(value) ?? "")).find(Boolean)
      if (id) own(id, owned)
      return !id
    })
  }
  return owners
}

function idIn({ values }: Row, ids: ReadonlySet<string>): string | undefined {
  for (const value of values.values()) {
    const name = nameOf(value)
    if (name === undefined) continue
    if (ids.has(name)) return name
    const short = name.slice(0, SHORT_ID_DIGITS)
    if (ids.has(short)) return short
  }
  return undefined
}

/** What else rows of just one thing are called. */
function namesIn(owners: Owners, ids: ReadonlySet<string>): Map<string, string> {
  const names = new Map<string, string>()
  for (const [id, rows] of owners) {
    for (const value of rows.flatMap(({ row }) => [...row.values.values()])) {
      const name = nameOf(value)
      if (name === undefined || ids.has(name)) continue
      const known = names.get(name)
      names.set(name, known === undefined || known === id ? id : "")
    }
  }
  return names
}

/** In hexadecimal; undefined: it is too short or too long to name anything. */
function nameOf(value: Value): string | undefined {
  if (typeof value === "string") return /^(?:[0-9a-f]{2}){16,64}$/.test(value) ? value : undefined
  if (!(value instanceof Uint8Array)) return undefined
  if (value.length < NAME_BYTES_MIN || value.length > NAME_BYTES_MAX) return undefined
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex")
}

/** Rows of each of these things, in their order. */
export function rowsOf(owners: Owners, ids: readonly string[]): (readonly OwnedRow[])[] {
  return ids.map((id) => owners.get(id) ?? [])
}
