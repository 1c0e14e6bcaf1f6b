import type { Database } from "bun:sqlite"
import { ENTRY_BYTES, ENTRY_TAG_BYTES } from "../src/crypto/chain.ts"
import { nativeCrypto as crypto } from "../src/crypto/native.ts"

/** A table like the pool's, with the store's settings, and nothing else. */

/** Those of the store. */
const SETTINGS = [
  "locking_mode=EXCLUSIVE",
  "page_size=8192",
  "journal_mode=WAL",
  "synchronous=FULL",
  "secure_delete=ON",
  "wal_autocheckpoint=0",
  "cache_size=-65536",
]
const ROWS_AT_ONCE = 2000
/** Rows of a pool of a usual size. */
export const POOL_ROWS = 20_000

export interface Pool {
  /** One durable transaction of so many rows under random tags. */
  transact(rows: number): void
  /** Adds rows until there are so many. */
  grow(until: number): void
  close(): void
}

export function openPool(database: Database): Pool {
  for (const setting of SETTINGS) database.run(`PRAGMA ${setting}`)
  database.run("CREATE TABLE pool (tag BLOB NOT NULL PRIMARY KEY, entry BLOB NOT NULL) WITHOUT ROWID, STRICT")
  const insert = database.prepare("INSERT INTO pool VALUES (?, ?)")
  const entry = crypto.random(ENTRY_BYTES)
  let rows = 0
  const transact = (count: number): void => {
    const tags = Array.from({ length: count }, () => crypto.random(ENTRY_TAG_BYTES)).sort(Buffer.compare)
    database.run("BEGIN IMMEDIATE")
    for (const tag of tags) insert.run(tag, entry)
    database.run("COMMIT")
    rows += count
  }
  return {
    transact,
    grow(until) {
      while (rows < until) transact(ROWS_AT_ONCE)
    },
    close() {
      insert.finalize()
      database.close()
    },
  }
}
