import type { Database, SQLQueryBindings, Statement } from "bun:sqlite"
import { FRESH_ROWS_MAX } from "../limits.ts"
import { type AnyTable, type RunTime, StoreMisuse, type Value } from "./database.ts"
import { placeOf } from "./place.ts"

type Bound = Statement<unknown, SQLQueryBindings[]>

interface Prepared {
  readonly shape: string
  readonly statements: Map<string, Bound>
}

/** Before the name of a table: those of its fresh rows' two tables, which take turns. */
const FRESH = ["fresh_0_", "fresh_1_"] as const

/** The column of a placed table that says where a row lies. */
const PLACE = "place"

/** Which fresh rows: those that came before the tables took turns last, or all. */
export type Freshness = "older" | "all"

/** The SQL behind tables: statements prepared once, the names of the tables that exist, and which have fresh rows. */
export class Statements {
  readonly #database: Database
  readonly #prepared = new Map<string, Prepared>()
  readonly #byTable = new WeakMap<AnyTable, Prepared>()
  readonly #freshByTable = new WeakMap<AnyTable, readonly AnyTable[]>()
  #tables = new Set<string>()
  /** How many rows a table of fresh ones has, at most, by its name. Those that have none are not named. */
  #fresh = new Map<string, number>()
  /** Which of the two tables takes fresh rows now. */
  #turn: 0 | 1 = 0

  constructor(database: Database) {
    this.#database = database
    this.reload()
  }

  /** Learns again which tables exist, and which of them have fresh rows: after opening and after a rollback. */
  reload(): void {
    using statement = this.#database.prepare<{ name: string }, []>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
    )
    this.#tables = new Set(statement.all().map((row) => row.name))
    this.#fresh = new Map()
    for (const name of this.#tables) {
      const rows = FRESH.some((prefix) => name.startsWith(prefix)) ? this.#rows(name) : 0
      if (rows > 0) this.#fresh.set(name, rows)
    }
  }

  tables(): ReadonlySet<string> {
    return this.#tables
  }

  /** Whether the table has rows to read. @throws StoreMisuse no migration created it and no put would. */
  exists(table: AnyTable): boolean {
    if (this.#tables.has(table.name)) return true
    if (table.runTime === undefined) throw new StoreMisuse("no migration created this table")
    return false
  }

  get(table: AnyTable, key: readonly Value[]): object | undefined {
    if (!this.exists(table)) return undefined
    for (const fresh of this.#freshOf(table)) {
      const row = this.get(fresh, key)
      if (row !== undefined) return row
    }
    return (this.#prepare(table, "get", getSql).get(...placed(table, key)) as object | null) ?? undefined
  }

  /** Rows whose leading key columns equal `prefix` and whose key comes after `after`, in key order. */
  list(table: AnyTable, prefix: readonly Value[], limit: number, after: readonly Value[] = []): object[] {
    if (!this.exists(table)) return []
    const order = table.placed ? [PLACE] : table.key
    const sources = [table, ...this.#freshOf(table)].map(({ name }) => name)
    const sql = () => {
      const conditions = prefix.length === 0 ? [] : [matches(table.key.slice(0, prefix.length))]
      if (after.length > 0) conditions.push(`(${order.join()}) > (${order.map(() => "?").join()})`)
      const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`
      const rows = sources.map((name) => `SELECT * FROM ${name}`).join(" UNION ALL ")
      return `SELECT ${table.columns.join()} FROM (${rows}) ${where} ORDER BY ${order.join()} LIMIT ?`
    }
    const statement = this.#prepare(table, `list ${prefix.length} ${after.length} ${sources.join()}`, sql)
    const past = table.placed && after.length > 0 ? [placeOf(after[0])] : after
    return statement.all(...bindings([...prefix, ...past, limit])) as object[]
  }

  count(table: AnyTable): number {
    if (!this.exists(table)) return 0
    const names = [table.name, ...FRESH.map((prefix) => prefix + table.name)]
    return names.reduce((sum, name) => sum + (this.#tables.has(name) ? this.#rows(name) : 0), 0)
  }

  put(table: AnyTable, row: object): void {
    if (!this.exists(table)) {
      this.#database.run(`CREATE TABLE ${table.name} ${table.runTime?.definition}`)
      this.#tables.add(table.name)
    }
    if (table.runTime?.fresh) {
      const fresh = this.#freshTables(table)[this.#turn] as AnyTable
      const rows = this.#fresh.get(fresh.name) ?? 0
      if (rows < FRESH_ROWS_MAX) {
        this.#fresh.set(fresh.name, rows + 1)
        this.put(fresh, row)
        return
      }
    }
    const given = row as Record<string, Value>
    const values = table.columns.map((column) => given[column] as Value)
    const place = table.placed ? [placeOf(given[table.key[0] as string])] : []
    const { changes } = this.#prepare(table, "put", putSql).run(...bindings([...place, ...values]))
    if (table.placed && changes === 0) throw new Error("another row has this place")
  }

  remove(table: AnyTable, key: readonly Value[]): void {
    if (!this.exists(table)) return
    for (const fresh of this.#freshOf(table)) {
      if (this.#remove(fresh, key) === 0) continue
      const left = (this.#fresh.get(fresh.name) as number) - 1
      if (left > 0) this.#fresh.set(fresh.name, left)
      else this.#fresh.delete(fresh.name)
      return
    }
    this.#remove(table, key)
  }

  /** From now on the other table takes fresh rows, and those that this one has are the older ones. */
  takeTurns(): void {
    this.#turn = this.#turn === 0 ? 1 : 0
  }

  /** The tables of fresh rows that have some, or of the older ones. */
  unsettled(which: Freshness): string[] {
    const older = FRESH[this.#turn === 0 ? 1 : 0]
    return [...this.#fresh.keys()].filter((name) => which === "all" || name.startsWith(older))
  }

  /** Moves fresh rows to their places. Within a transaction. */
  settle(which: Freshness): void {
    for (const name of this.unsettled(which)) {
      const [prefix] = FRESH
      this.#database.run(`INSERT OR REPLACE INTO ${name.slice(prefix.length)} SELECT * FROM ${name}`)
      this.#database.run(`DELETE FROM ${name}`)
      this.#fresh.delete(name)
    }
  }

  drop(table: AnyTable): void {
    for (const name of [table.name, ...FRESH.map((prefix) => prefix + table.name)]) {
      if (!this.#tables.has(name)) continue
      this.#forget(name)
      this.#database.run(`DROP TABLE ${name}`)
      this.#tables.delete(name)
      this.#fresh.delete(name)
    }
  }

  close(): void {
    for (const name of [...this.#prepared.keys()]) this.#forget(name)
  }

  #rows(name: string): number {
    using statement = this.#database.prepare<{ rows: number }, []>(`SELECT count(*) AS rows FROM ${name}`)
    return statement.get()?.rows ?? 0
  }

  /** How many rows it removed. */
  #remove(table: AnyTable, key: readonly Value[]): number {
    return this.#prepare(table, "remove", removeSql).run(...placed(table, key)).changes
  }

  /** The tables that have fresh rows of a table. */
  #freshOf(table: AnyTable): readonly AnyTable[] {
    if (this.#fresh.size === 0 || !table.runTime?.fresh) return []
    return this.#freshTables(table).filter(({ name }) => this.#fresh.has(name))
  }

  #freshTables(table: AnyTable): readonly AnyTable[] {
    const known = this.#freshByTable.get(table)
    if (known !== undefined) return known
    const { definition } = table.runTime as RunTime
    const made = FRESH.map((prefix) => ({ ...table, name: prefix + table.name, runTime: { definition } }))
    this.#freshByTable.set(table, made)
    return made
  }

  #forget(name: string): void {
    const { statements } = this.#prepared.get(name) ?? { statements: new Map<string, Bound>() }
    for (const statement of statements.values()) statement.finalize()
    statements.clear()
  }

  #prepare(table: AnyTable, purpose: string, sql: (table: AnyTable) => string): Bound {
    const { statements } = this.#preparedFor(table)
    let statement = statements.get(purpose)
    if (statement === undefined) {
      statement = this.#database.prepare(sql(table)) as Bound
      statements.set(purpose, statement)
    }
    return statement
  }

  /** Found by the table itself, because it is asked for every row; by its name the first time. */
  #preparedFor(table: AnyTable): Prepared {
    const known = this.#byTable.get(table)
    if (known !== undefined) return known
    const prepared = this.#prepared.get(table.name) ?? { shape: shapeOf(table), statements: new Map() }
    if (prepared.shape !== shapeOf(table)) throw new StoreMisuse("two tables of one name")
    this.#prepared.set(table.name, prepared)
    this.#byTable.set(table, prepared)
    return prepared
  }
}

function getSql(table: AnyTable): string {
  return `SELECT ${table.columns.join()} FROM ${table.name} WHERE ${matches(placedKey(table))}`
}

function putSql({ name, key, columns, placed }: AnyTable): string {
  const all = placed ? [PLACE, ...columns] : columns
  const rest = columns.filter((column) => !key.includes(column))
  const change = rest.map((column) => `${column} = excluded.${column}`).join()
  const same = placed
    ? ` WHERE ${key.map((column) => `${name}.${column} = excluded.${column}`).join(" AND ")}`
    : ""
  return (
    `INSERT INTO ${name} (${all.join()}) VALUES (${all.map(() => "?").join()}) ` +
    `ON CONFLICT (${placed ? PLACE : key.join()}) DO ${rest.length === 0 ? "NOTHING" : `UPDATE SET ${change}${same}`}`
  )
}

function removeSql(table: AnyTable): string {
  return `DELETE FROM ${table.name} WHERE ${matches(placedKey(table))}`
}

function placedKey({ key, placed }: AnyTable): readonly string[] {
  return placed ? [PLACE, ...key] : key
}

/** The values for {@link placedKey}. */
function placed(table: AnyTable, key: readonly Value[]): SQLQueryBindings[] {
  return bindings(table.placed ? [placeOf(key[0]), ...key] : key)
}

function matches(columns: readonly string[]): string {
  return columns.map((column) => `${column} = ?`).join(" AND ")
}

function shapeOf(table: AnyTable): string {
  return `${table.key.join()}|${table.columns.join()}|${table.placed}`
}

function bindings(values: readonly Value[]): SQLQueryBindings[] {
  return values as SQLQueryBindings[]
}
