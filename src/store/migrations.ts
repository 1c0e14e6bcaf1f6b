import type { Database } from "bun:sqlite"
import { StoreIncompatible } from "./database.ts"

/** One step forward of a database's schema. There is no step back: restore a backup instead. */
export interface Migration {
  /** 1, 2, 3, …: the database's `user_version` after this step. */
  readonly version: number
  /** Plain SQL of any number of statements, without transaction control. */
  readonly sql: string
}

/**
 * Brings the database to the last migration's version, each step in a transaction of its own.
 *
 * @returns how many steps were made
 * @throws StoreIncompatible the database is newer than the last migration, or the migrations are not 1, 2, 3, …
 */
export function migrate(database: Database, migrations: readonly Migration[]): number {
  if (migrations.some((migration, index) => migration.version !== index + 1)) {
    throw new StoreIncompatible("migrations are numbered 1, 2, 3 and so on, without gaps")
  }
  const current = versionOf(database)
  if (current > migrations.length) {
    throw new StoreIncompatible(
      `the database has version ${current}, but this program only knows versions up to ${migrations.length}: ` +
        "run the version that wrote it, or a later one; there is no way back but a backup from before",
    )
  }
  const missing = migrations.slice(current)
  for (const migration of missing) {
    database.run("BEGIN IMMEDIATE")
    try {
      database.run(migration.sql)
      database.run(`PRAGMA user_version = ${migration.version}`)
      database.run("COMMIT")
    } catch (error) {
      if (database.inTransaction) database.run("ROLLBACK")
      throw error
    }
  }
  return missing.length
}

function versionOf(database: Database): number {
  using statement = database.prepare<{ user_version: number }, []>("PRAGMA user_version")
  return statement.get()?.user_version ?? 0
}
