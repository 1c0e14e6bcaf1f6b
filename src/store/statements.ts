import type { Database, SQLQueryBindings, Statement } from "bun:sqlite"
import { type AnyTable, StoreMisuse, type Value } from "./database.ts"

type Bound = Statement<unknown, SQLQueryBindings[]>

interface Prepared {
  readonly shape: string
  readonly statements: Map<string, Bound>
}

/** The SQL behind tables: statements prepared once, and the names of the tables that exist. */
export class Statements {
  readonly #database: Database
  readonly #prepared = new Map<string, Prepared>()
  #tables = new Set<string>()

  constructor(database: Database) {
    this.#database = database
    this.reload()
  }

  /** Learns again which tables exist: after opening and after a rollback. */
  reload(): void {
    using statement = this.#database.prepare<{ name: string }, []>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
    )
    this.#tables = new Set(statement.all().map((row) => row.name))
  }

  tables(): ReadonlySet<string> {
    return this.#tables
  }

  /** Whether the table has rows to read. @throws StoreMisuse no migration created it and no put would. */
  exists(table: AnyTable): boolean {
    if (this.#tables.has(table.name)) return true
    if (table.createSql === undefined) throw new StoreMisuse("no migration created this table")
    return false
  }

  get(table: AnyTable, key: readonly Value[]): object | undefined {
    if (!this.exists(table)) return undefined
    const sql = () => `SELECT ${table.columns.join()} FROM ${table.name} WHERE ${matches(table.key)}`
    return (this.#prepare(table, "get", sql).get(...bindings(key)) as object | null) ?? undefined
  }

  /** Rows whose leading key columns equal `prefix` and whose key comes after `after`, in key order. */
  list(table: AnyTable, prefix: readonly Value[], limit: number, after: readonly Value[] = []): object[] {
    if (!this.exists(table)) return []
    const sql = () => {
      const conditions = prefix.length === 0 ? [] : [matches(table.key.slice(0, prefix.length))]
      if (after.length > 0) conditions.push(`(${table.key.join()}) > (${table.key.map(() => "?").join()})`)
      const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`
      return `SELECT ${table.columns.join()} FROM ${table.name} ${where} ORDER BY ${table.key.join()} LIMIT ?`
    }
    const statement = this.#prepare(table, `list ${prefix.length} ${after.length}`, sql)
    return statement.all(...bindings([...prefix, ...after, limit])) as object[]
  }

  count(table: AnyTable): number {
    if (!this.exists(table)) return 0
    using statement = this.#database.prepare<{ rows: number }, []>(
      `SELECT count(*) AS rows FROM ${table.name}`,
    )
    return statement.get()?.rows ?? 0
  }

  put(table: AnyTable, row: object): void {
    if (!this.exists(table)) {
      this.#database.run(table.createSql as string)
      this.#tables.add(table.name)
    }
    const sql = () => {
      const rest = table.columns.filter((column) => !table.key.includes(column))
      const change = rest.map((column) => `${column} = excluded.${column}`).join()
      return (
        `INSERT INTO ${table.name} (${table.columns.join()}) VALUES (${table.columns.map(() => "?").join()}) ` +
        `ON CONFLICT (${table.key.join()}) DO ${rest.length === 0 ? "NOTHING" : `UPDATE SET ${change}`}`
      )
    }
    const values = row as Record<string, Value>
    const statement = this.#prepare(table, "put", sql)
    statement.run(...bindings(table.columns.map((column) => values[column] as Value)))
  }

  remove(table: AnyTable, key: readonly Value[]): void {
    if (!this.exists(table)) return
    const sql = () => `DELETE FROM ${table.name} WHERE ${matches(table.key)}`
    this.#prepare(table, "remove", sql).run(...bindings(key))
  }

  drop(table: AnyTable): void {
    if (!this.#tables.has(table.name)) return
    this.#forget(table.name)
    this.#database.run(`DROP TABLE ${table.name}`)
    this.#tables.delete(table.name)
  }

  close(): void {
    for (const name of [...this.#prepared.keys()]) this.#forget(name)
  }

  #forget(name: string): void {
    for (const statement of this.#prepared.get(name)?.statements.values() ?? []) statement.finalize()
    this.#prepared.delete(name)
  }

  #prepare(table: AnyTable, purpose: string, sql: () => string): Bound {
    const prepared = this.#prepared.get(table.name) ?? { shape: shapeOf(table), statements: new Map() }
    if (prepared.shape !== shapeOf(table)) throw new StoreMisuse("two tables of one name")
    this.#prepared.set(table.name, prepared)
    const statement = prepared.statements.get(purpose) ?? this.#database.prepare(sql())
    prepared.statements.set(purpose, statement)
    return statement
  }
}

function matches(columns: readonly string[]): string {
  return columns.map((column) => `${column} = ?`).join(" AND ")
}

function shapeOf(table: AnyTable): string {
  return `${table.key.join()}|${table.columns.join()}`
}

function bindings(values: readonly Value[]): SQLQueryBindings[] {
  return values as SQLQueryBindings[]
}
