import { Database } from "bun:sqlite"
import type { ClientStore, StoreChange } from "../client/store.ts"

/** A member's own device: one SQLite file that survives the member's process. */
export function sqliteStore(file: string): ClientStore & { close(): void } {
  const database = new Database(file, { create: true, readwrite: true })
  database.run("PRAGMA journal_mode = WAL")
  database.run("PRAGMA synchronous = FULL")
  database.run("PRAGMA secure_delete = ON")
  database.run("CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
  const read = database.query<{ value: Uint8Array }, [string]>("SELECT value FROM state WHERE key = ?")
  const keys = database.query<{ key: string }, [string, string]>(
    "SELECT key FROM state WHERE key >= ? AND key < ? ORDER BY key",
  )
  const write = database.query<unknown, [string, Uint8Array]>(
    "INSERT INTO state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
  )
  const erase = database.query<unknown, [string]>("DELETE FROM state WHERE key = ?")
  const applyAll = database.transaction((changes: readonly StoreChange[]) => {
    for (const { key, value } of changes) {
      if (value === undefined) erase.run(key)
      else write.run(key, value)
    }
  })
  return {
    async get(key) {
      return read.get(key)?.value
    },
    async list(prefix) {
      return keys.all(prefix, `${prefix}\uffff`).map(({ key }) => key)
    },
    async put(key, value) {
      applyAll([{ key, value }])
    },
    async delete(key) {
      applyAll([{ key, value: undefined }])
    },
    async transaction(changes) {
      applyAll(changes)
    },
    close() {
      database.close()
    },
  }
}
