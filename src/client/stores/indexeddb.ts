import { wipe } from "../../crypto/wipe.ts"
import { ClientError } from "../errors.ts"
import { copyChanges, type DurableStore, type StoreChange } from "../store.ts"
import { holdLock } from "./lock.ts"

/**
 * A client's state in a browser: an IndexedDB database of its own, with one object store that has the client's keys as
 * keys. Writes are flushed to the disk before they resolve (`durability: "strict"`).
 *
 * Nothing protects it at rest beyond what protects the browser's profile: IndexedDB can overwrite nothing, so keys that
 * were deleted stay in the browser's files until it compacts them. Whatever script runs in the origin can read it.
 *
 * A browser that runs out of room may delete it, unless the application has asked for `navigator.storage.persist()` and got it.
 */

const VERSION = 1
const STATE = "state"

/**
 * Opens the database `name`, which is made if there is none. Throws ClientError `client.store-in-use` while another tab or
 * worker of the origin has it open, `client.incompatible-store`, `client.store-failed`.
 */
export async function indexedDbStore(name: string): Promise<DurableStore> {
  const release = await holdLock(`cinder/${name}`)
  try {
    return new IndexedDbStore(await openDatabase(name), release)
  } catch (error) {
    release()
    return storeFailed(error)
  }
}

class IndexedDbStore implements DurableStore {
  readonly #database: IDBDatabase
  readonly #release: () => void
  /** What was begun and has not ended. */
  readonly #running = new Set<Promise<unknown>>()
  #closed = false

  constructor(database: IDBDatabase, release: () => void) {
    this.#database = database
    this.#release = release
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#perform("readonly", (state) => state.get(key))
  }

  list(prefix: string): Promise<string[]> {
    return this.#perform("readonly", (state) => state.getAllKeys(rangeOf(prefix)) as IDBRequest<string[]>)
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
      await this.#perform("readwrite", (state) => {
        for (const { key, value } of copies) {
          if (value === undefined) state.delete(key)
          else state.put(value, key)
        }
        return undefined
      })
    } finally {
      for (const { value } of copies) wipe(value)
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await Promise.allSettled(this.#running)
    this.#database.close()
    this.#release()
  }

  async destroy(): Promise<void> {
    if (this.#closed) throw new ClientError("client.closed")
    this.#closed = true
    await Promise.allSettled(this.#running)
    this.#database.close()
    try {
      await settled(indexedDB.deleteDatabase(this.#database.name)).catch(storeFailed)
    } finally {
      this.#release()
    }
  }

  /** Runs one transaction; resolves with what its last request, if any, gave, once everything is durable. */
  async #perform<T>(
    mode: "readonly" | "readwrite",
    work: (state: IDBObjectStore) => IDBRequest<T> | undefined,
  ): Promise<T> {
    if (this.#closed) throw new ClientError("client.closed")
    const performed = new Promise<T>((resolve, reject) => {
      const transaction = this.#database.transaction(STATE, mode, { durability: "strict" })
      transaction.onabort = () => reject(transaction.error)
      try {
        const request = work(transaction.objectStore(STATE))
        transaction.oncomplete = () => resolve(request?.result as T)
      } catch (error) {
        transaction.abort()
        throw error
      }
    }).catch(storeFailed)
    this.#running.add(performed)
    return await performed.finally(() => this.#running.delete(performed))
  }
}

function storeFailed(error: unknown): never {
  throw error instanceof ClientError ? error : new ClientError("client.store-failed", { cause: error })
}

/** The range of keys that begin with the prefix; undefined: all. */
function rangeOf(prefix: string): IDBKeyRange | undefined {
  const end = successor(prefix)
  if (end !== undefined) return IDBKeyRange.bound(prefix, end, false, true)
  return prefix === "" ? undefined : IDBKeyRange.lowerBound(prefix)
}

/** The first text, in the order of UTF-16 code units, after all that begin with the prefix; undefined: there is none. */
function successor(prefix: string): string | undefined {
  let length = prefix.length
  while (length > 0 && prefix.charCodeAt(length - 1) === 0xffff) length -= 1
  if (length === 0) return undefined
  return prefix.slice(0, length - 1) + String.fromCharCode(prefix.charCodeAt(length - 1) + 1)
}

async function openDatabase(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name, VERSION)
  request.onupgradeneeded = ({ oldVersion }) => {
    if (oldVersion === 0) request.result.createObjectStore(STATE)
  }
  const database = await settled(request)
  if (database.objectStoreNames.contains(STATE)) return database
  database.close()
  throw new ClientError("client.incompatible-store")
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => {
      const isNewer = request.error?.name === "VersionError"
      reject(isNewer ? new ClientError("client.incompatible-store") : request.error)
    }
  })
}
