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
  readonly #byTable = new WeakMap<AnyTable, Prepared>()
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
    return (this.#prepare(table, "get", getSql).get(...bindings(key)) as object | null) ?? undefined
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
    const values = row as Record<string, Value>
    const statement = this.#prepare(table, "put", putSql)
    statement.run(...bindings(table.columns.map((column) => values[column] as Value)))
  }

  remove(table: AnyTable, key: readonly Value[]): void {
    if (!this.exists(table)) return
    this.#prepare(table, "remove", removeSql).run(...bindings(key))
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

function getSql({ name, key, columns }: AnyTable): string {
  return `SELECT ${columns.join()} FROM ${name} WHERE ${matches(key)}`
}

function putSql({ name, key, columns }: AnyTable): string {
  const rest = columns.filter((column) => !key.includes(column))
  const change = rest.map((column) => `${column} = excluded.${column}`).join()
  return (
    `INSERT INTO ${name} (${columns.join()}) VALUES (${columns.map(() => "?").join()}) ` +
    `ON CONFLICT (${key.join()}) DO ${rest.length === 0 ? "NOTHING" : `UPDATE SET ${change}`}`
  )
}

function removeSql({ name, key }: AnyTable): string {
  return `DELETE FROM ${name} WHERE ${matches(key)}`
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
