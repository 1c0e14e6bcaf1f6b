import type { Database, SQLQueryBindings, Statement } from "bun:sqlite"
import { type AnyTable, StoreMisuse, type Value } from "./database.ts"
import { type Freshness, FreshTables, freshNames, settledName } from "./fresh.ts"
import { getSql, keyBindings, listBindings, listSql, putSql, removeSql, rowBindings } from "./row-sql.ts"

type Bound = Statement<unknown, SQLQueryBindings[]>

interface Prepared {
  readonly shape: string
  readonly statements: Map<string, Bound>
}

/** The SQL behind tables: statements prepared once, the names of the tables that exist, and which have fresh rows. */
export class Statements {
  readonly #database: Database
  readonly #prepared = new Map<string, Prepared>()
  readonly #byTable = new WeakMap<AnyTable, Prepared>()
  readonly #fresh = new FreshTables()
  #tables = new Set<string>()

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
    this.#fresh.load(this.#tables, (name) => this.#rows(name))
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
    for (const fresh of this.#fresh.with(table)) {
      const row = this.get(fresh, key)
      if (row !== undefined) return row
    }
    return (this.#prepare(table, "get", getSql).get(...keyBindings(table, key)) as object | null) ?? undefined
  }

  /** Rows whose leading key columns equal `prefix` and whose key comes after `after`, in key order. */
  list(table: AnyTable, prefix: readonly Value[], limit: number, after: readonly Value[] = []): object[] {
    if (!this.exists(table)) return []
    const names = [table, ...this.#fresh.with(table)].map(({ name }) => name)
    const purpose = `list ${prefix.length} ${after.length} ${names.join()}`
    const sql = () => listSql(table, names, prefix.length, after.length > 0)
    return this.#prepare(table, purpose, sql).all(...listBindings(table, prefix, after, limit)) as object[]
  }

  count(table: AnyTable): number {
    if (!this.exists(table)) return 0
    const names = [table.name, ...freshNames(table.name)]
    return names.reduce((sum, name) => sum + (this.#tables.has(name) ? this.#rows(name) : 0), 0)
  }

  /** Makes a run-time table with its first row. @throws Error another row has the place of a placed one */
  put(table: AnyTable, row: object, briefly = false): void {
    if (!this.exists(table)) {
      this.#database.run(`CREATE TABLE ${table.name} ${table.runTime?.definition}`)
      this.#tables.add(table.name)
    }
    const fresh = briefly ? this.#fresh.taking(table) : undefined
    if (fresh !== undefined) {
      this.#fresh.changed(fresh, 1)
      this.put(fresh, row)
      return
    }
    const { changes } = this.#prepare(table, "put", putSql).run(...rowBindings(table, row))
    if (table.placed && changes === 0) throw new Error("another row has this place")
  }

  remove(table: AnyTable, key: readonly Value[]): void {
    if (!this.exists(table)) return
    for (const fresh of this.#fresh.with(table)) {
      if (this.#remove(fresh, key) === 0) continue
      this.#fresh.changed(fresh, -1)
      return
    }
    this.#remove(table, key)
  }

  /** The tables of fresh rows that have some. */
  unsettled(which: Freshness): readonly string[] {
    return this.#fresh.unsettled(which)
  }

  /** Moves fresh rows to their places. Within a transaction. */
  settle(which: Freshness): void {
    for (const name of this.#fresh.unsettled(which)) {
      this.#database.run(`INSERT OR REPLACE INTO ${settledName(name)} SELECT * FROM ${name}`)
      this.#database.run(`DELETE FROM ${name}`)
      this.#fresh.emptied(name)
    }
  }

  /** Fresh rows that were not moved are the older ones from now on. */
  takeTurns(): void {
    this.#fresh.takeTurns()
  }

  drop(table: AnyTable): void {
    for (const name of [table.name, ...freshNames(table.name)]) {
      if (!this.#tables.has(name)) continue
      this.#forget(name)
      this.#database.run(`DROP TABLE ${name}`)
      this.#tables.delete(name)
      this.#fresh.emptied(name)
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
    return this.#prepare(table, "remove", removeSql).run(...keyBindings(table, key)).changes
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

function shapeOf(table: AnyTable): string {
  return `${table.key.join()}|${table.columns.join()}|${table.placed}`
}
