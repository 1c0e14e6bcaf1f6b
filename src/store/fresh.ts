import { FRESH_ROWS_MAX } from "../limits.ts"
import type { AnyTable, RunTime } from "./database.ts"

/** Before the name of a table: those of the two that have its fresh rows. */
const PREFIXES = ["fresh_0_", "fresh_1_"] as const

/** Which fresh rows: those that came before the tables took turns last, or all. */
export type Freshness = "older" | "all"

/** The tables of fresh rows: two for each table that has such, which take turns in taking what comes; and which of them have rows. */
export class FreshTables {
  readonly #made = new WeakMap<AnyTable, readonly [AnyTable, AnyTable]>()
  /** How many rows they have, at most, by their names. Those that have none are not named. */
  #rows = new Map<string, number>()
  #turn: 0 | 1 = 0

  /** Learns how many rows there are. */
  load(names: Iterable<string>, rowsOf: (name: string) => number): void {
    this.#rows = new Map()
    for (const name of names)
      if (PREFIXES.some((prefix) => name.startsWith(prefix))) this.#set(name, rowsOf(name))
  }

  /** Those with rows of a table. */
  with(table: AnyTable): readonly AnyTable[] {
    if (this.#rows.size === 0 || !table.runTime?.fresh) return []
    return this.#tablesOf(table).filter(({ name }) => this.#rows.has(name))
  }

  /** The one that takes another row of a table; undefined if the row goes to its place at once. */
  taking(table: AnyTable): AnyTable | undefined {
    if (!table.runTime?.fresh) return undefined
    const fresh = this.#tablesOf(table)[this.#turn]
    return (this.#rows.get(fresh.name) ?? 0) < FRESH_ROWS_MAX ? fresh : undefined
  }

  /** Rows came to one of them, or went. */
  changed({ name }: AnyTable, by: number): void {
    this.#set(name, (this.#rows.get(name) ?? 0) + by)
  }

  /** It has no rows any more. */
  emptied(name: string): void {
    this.#rows.delete(name)
  }

  /** From now on the others take what comes, and what these have is older. */
  takeTurns(): void {
    this.#turn = this.#turn === 0 ? 1 : 0
  }

  /** The names of those that have rows. */
  unsettled(which: Freshness): string[] {
    const older = PREFIXES[this.#turn === 0 ? 1 : 0]
    return [...this.#rows.keys()].filter((name) => which === "all" || name.startsWith(older))
  }

  #set(name: string, rows: number): void {
    if (rows > 0) this.#rows.set(name, rows)
    else this.#rows.delete(name)
  }

  #tablesOf(table: AnyTable): readonly [AnyTable, AnyTable] {
    const known = this.#made.get(table)
    if (known !== undefined) return known
    const { definition } = table.runTime as RunTime
    const make = (prefix: string) => ({ ...table, name: prefix + table.name, runTime: { definition } })
    const made = [make(PREFIXES[0]), make(PREFIXES[1])] as const
    this.#made.set(table, made)
    return made
  }
}

/** The tables of a table's fresh rows, whether they exist or not. */
export function freshNames(name: string): string[] {
  return PREFIXES.map((prefix) => prefix + name)
}

/** The table whose fresh rows another one has. */
export function settledName(fresh: string): string {
  return fresh.slice(PREFIXES[0].length)
}
