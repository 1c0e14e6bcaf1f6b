import { rmSync } from "node:fs"
import { ClientError, type LocalCode } from "../client/errors.ts"
import { copyChanges, type DurableStore, type StoreChange } from "../client/store.ts"
import { wipe } from "../crypto/wipe.ts"
import {
  defineTable,
  type Effect,
  put,
  remove,
  StoreClosed,
  StoreFailed,
  StoreIncompatible,
  StoreLocked,
} from "../store/database.ts"
import { codeOf } from "../store/error-code.ts"
import { type OpenedStore, openStore } from "../store/open.ts"

/**
 * A client's state in one SQLite file, over the server's storage room (`src/store`): exclusive lock, write-ahead log,
 * one fsync for each transaction, and a log that is overwritten with zeros soon after.
 *
 * At rest it is protected by the file's mode alone (0600; its directory 0700 if it is made here): values are not encrypted.
 * Keys that were deleted or replaced are overwritten in the file at once and in the log a moment later, after a crash with
 * the next opening; what a disk or a file system keeps of overwritten blocks is out of reach.
 */

/** "Cind". */
const APPLICATION_ID = 0x43_69_6e_64
/** Memory for pages. A client reads most of its state once, when it starts. */
const CACHE_BYTES = 2 * 1024 * 1024
/** Rows that are read at a time when keys are listed. */
const PAGE_ROWS = 128

type StateRow = {
  /** UTF-16, big-endian: bytes in this form sort as ClientStore wants its keys to. */
  key: Uint8Array
  value: Uint8Array
}

const state = defineTable<StateRow>("state", ["key"], ["key", "value"])

const migrations = [
  {
    version: 1,
    sql: `
      PRAGMA application_id = ${APPLICATION_ID};
      CREATE TABLE state (key BLOB NOT NULL PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID, STRICT;
    `,
  },
]

/**
 * Opens the file, which is made if there is none. Throws ClientError `client.store-in-use` while this or another process has
 * it open, `client.incompatible-store`, `client.store-failed`.
 */
export async function sqliteStore(file: string): Promise<DurableStore> {
  const opened = await told(
    openStore({
      file,
      migrations,
      applicationId: APPLICATION_ID,
      cacheBytes: CACHE_BYTES,
      pendingMax: Number.POSITIVE_INFINITY,
      // Whoever writes is told when writing fails; a scrub that failed is tried again, the last time in close().
      fault: () => undefined,
    }),
  )
  return new SqliteClientStore(opened, file)
}

class SqliteClientStore implements DurableStore {
  readonly #store: OpenedStore
  readonly #file: string
  #closed = false

  constructor(store: OpenedStore, file: string) {
    this.#store = store
    this.#file = file
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#perform(async () => this.#store.get(state, { key: keyBytes(key) })?.value)
  }

  list(prefix: string): Promise<string[]> {
    return this.#perform(async () => [...keysFrom(this.#store, prefix)])
  }

  put(key: string, value: Uint8Array): Promise<void> {
    return this.transaction([{ key, value }])
  }

  delete(key: string): Promise<void> {
    return this.transaction([{ key, value: undefined }])
  }

  async transaction(changes: readonly StoreChange[]): Promise<void> {
    const copies = copyChanges(changes)
    try {
      await this.#perform(() =>
        this.#store.writer.submit({ expects: [], effects: () => copies.map(effectOf) }),
      )
    } finally {
      for (const { value } of copies) wipe(value)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await told(this.#store.close())
  }

  async destroy(): Promise<void> {
    await this.transaction((await this.list("")).map((key) => ({ key, value: undefined })))
    await this.close()
    for (const ending of ["", "-wal"]) rmSync(`${this.#file}${ending}`, { force: true })
  }

  async #perform<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new ClientError("client.closed")
    return await told(work())
  }
}

function effectOf({ key, value }: StoreChange): Effect {
  return value === undefined
    ? remove(state, { key: keyBytes(key) })
    : put(state, { key: keyBytes(key), value })
}

function* keysFrom(store: OpenedStore, prefix: string): Generator<string> {
  let after = keyBytes(prefix)
  if (store.get(state, { key: after }) !== undefined) yield prefix
  for (;;) {
    const rows = store.list(state, {}, PAGE_ROWS, { key: after })
    for (const { value } of rows) wipe(value)
    for (const { key } of rows) {
      const text = keyText(key)
      if (!text.startsWith(prefix)) return
      yield text
      after = key
    }
    if (rows.length < PAGE_ROWS) return
  }
}

function keyBytes(key: string): Uint8Array {
  const bytes = new Uint8Array(2 * key.length)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < key.length; i++) view.setUint16(2 * i, key.charCodeAt(i))
  return bytes
}

function keyText(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let key = ""
  for (let at = 0; at < bytes.length; at += 2) key += String.fromCharCode(view.getUint16(at))
  return key
}

/** The storage room's errors as the client library's. */
async function told<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    const code = codeFor(cause)
    throw code === undefined ? cause : new ClientError(code, { cause })
  }
}

function codeFor(error: unknown): LocalCode | undefined {
  if (error instanceof StoreLocked) return "client.store-in-use"
  if (error instanceof StoreIncompatible) return "client.incompatible-store"
  if (error instanceof StoreClosed) return "client.closed"
  const failed = error instanceof StoreFailed || codeOf(error).startsWith("SQLITE_")
  return failed ? "client.store-failed" : undefined
}
