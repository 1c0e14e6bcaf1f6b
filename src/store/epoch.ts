import { compare } from "../wire/bytes.ts"
import { byteName } from "./byte-name.ts"
import {
  type AnyTable,
  type Effect,
  type Expectation,
  type KeyOf,
  keyValues,
  type RowOf,
  type Table,
  type Value,
  type View,
} from "./database.ts"
import type { Statements } from "./statements.ts"

interface Change {
  readonly key: readonly Value[]
  /** undefined: the row is deleted. */
  readonly row: object | undefined
  readonly briefly: boolean
}

interface TableChanges {
  readonly table: AnyTable
  readonly changes: Map<string, Change>
  dropped: boolean
}

/** The merged effects of the units accepted so far, laid over the committed rows. */
export class Epoch implements View {
  readonly #statements: Statements
  readonly #tables = new Map<string, TableChanges>()
  #rows = 0
  #bytes = 0

  constructor(statements: Statements) {
    this.#statements = statements
  }

  /** How many effects were merged. */
  get rows(): number {
    return this.#rows
  }

  /** How many bytes of rows were merged. */
  get bytes(): number {
    return this.#bytes
  }

  get<Row extends RowOf<Row>>(table: Table<Row>, key: KeyOf<Row>): Row | undefined {
    return this.#find(table, keyValues(table, key)) as Row | undefined
  }

  list<Row extends RowOf<Row>>(
    table: Table<Row>,
    prefix: Partial<Row>,
    limit: number,
    after?: KeyOf<Row>,
  ): Row[] {
    const from = prefixValues(table, prefix)
    const past = after === undefined ? undefined : keyValues(table, after)
    const laid = this.#tables.get(table.name)
    if (laid === undefined) return this.#statements.list(table, from, limit, past) as Row[]
    const entries: Change[] = []
    for (const change of laid.changes.values()) {
      if (compareKeys(change.key.slice(0, from.length), from) !== 0) continue
      if (past === undefined || compareKeys(change.key, past) > 0) entries.push(change)
    }
    const below = laid.dropped ? [] : this.#statements.list(table, from, limit + entries.length, past)
    for (const row of below) {
      const key = keyOfRow(table, row)
      if (!laid.changes.has(keyText(key))) entries.push({ key, row, briefly: false })
    }
    entries.sort((a, b) => compareKeys(a.key, b.key))
    return entries.flatMap(({ row }) => (row === undefined ? [] : [row as Row])).slice(0, limit)
  }

  holds(expectation: Expectation): boolean {
    const row = this.#find(expectation.table, expectation.key) as Record<string, Value> | undefined
    switch (expectation.kind) {
      case "absent":
        return row === undefined
      case "present":
        return row !== undefined
      case "equals":
        return row !== undefined && compareValues(row[expectation.column] as Value, expectation.equals) === 0
    }
  }

  /** Adds a unit's effects, all or none. @throws StoreMisuse a table does not exist */
  merge(effects: readonly Effect[]): void {
    for (const effect of effects) this.#statements.exists(effect.table)
    for (const effect of effects) {
      const laid = this.#changesOf(effect.table)
      if (effect.kind === "drop") {
        laid.changes.clear()
        laid.dropped = true
      } else {
        const row = effect.kind === "put" ? effect.row : undefined
        const briefly = effect.kind === "put" && effect.briefly === true
        laid.changes.set(keyText(effect.key), { key: effect.key, row, briefly })
        this.#bytes += row === undefined ? 0 : bytesOf(row)
      }
      this.#rows++
    }
  }

  /** Writes everything, table after table and row after row in key order. Within a transaction. */
  write(): void {
    const tables = [...this.#tables.values()].sort((a, b) => (a.table.name < b.table.name ? -1 : 1))
    for (const { table, changes, dropped } of tables) {
      if (dropped) this.#statements.drop(table)
      for (const { key, row, briefly } of [...changes.values()].sort((a, b) => compareKeys(a.key, b.key))) {
        if (row === undefined) this.#statements.remove(table, key)
        else this.#statements.put(table, row, briefly)
      }
    }
  }

  #find(table: AnyTable, key: readonly Value[]): object | undefined {
    const laid = this.#tables.get(table.name)
    const change = laid?.changes.get(keyText(key))
    if (change !== undefined) return change.row
    return laid?.dropped ? undefined : this.#statements.get(table, key)
  }

  #changesOf(table: AnyTable): TableChanges {
    const known = this.#tables.get(table.name)
    if (known !== undefined) return known
    const fresh: TableChanges = { table, changes: new Map(), dropped: false }
    this.#tables.set(table.name, fresh)
    return fresh
  }
}

/** The values of the key's leading columns that `prefix` names. @throws StoreMisuse it names others */
export function prefixValues(table: AnyTable, prefix: object): Value[] {
  const leading = table.key.slice(0, Object.keys(prefix).length)
  return keyValues({ ...table, key: leading }, prefix)
}

function keyOfRow(table: AnyTable, row: object): Value[] {
  const values = row as Record<string, Value>
  return table.key.map((column) => values[column] as Value)
}

/** One text for each key, different for different keys. */
function keyText(key: readonly Value[]): string {
  let text = ""
  for (const value of key) {
    if (value instanceof Uint8Array) {
      text += `${value.length}:${byteName(value)}`
    } else text += `n${value}:`
  }
  return text
}

/** The order of the database: numbers before bytes, bytes as in memory. */
function compareKeys(a: readonly Value[], b: readonly Value[]): number {
  for (let i = 0; i < a.length; i++) {
    const difference = compareValues(a[i] as Value, b[i] as Value)
    if (difference !== 0) return difference
  }
  return 0
}

function compareValues(a: Value, b: Value): number {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compare(a, b)
  if (typeof a === "number" && typeof b === "number") return a - b
  return rank(a) - rank(b)
}

function rank(value: Value): number {
  if (value === null) return 0
  return typeof value === "number" ? 1 : 2
}

function bytesOf(row: object): number {
  let bytes = 0
  for (const value of Object.values(row)) bytes += value instanceof Uint8Array ? value.length : 8
  return bytes
}
