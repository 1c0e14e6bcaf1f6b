/**
 * Where a client keeps its state: keys, groups, queue positions, undelivered events. Values are secret and opaque;
 * keys are short text (`group/<hexadecimal>`), unique per client. An implementation owns copies: it neither keeps nor
 * hands out a buffer that somebody else may change. Changes take effect in the order of calling, and a change that is
 * none ({@link copyChanges}) rejects before anything is changed.
 */
export interface ClientStore {
  /** The value as it was stored last; undefined: there is none. */
  get(key: string): Promise<Uint8Array | undefined>
  /** All keys that begin with `prefix`, in ascending order of their UTF-16 code units. */
  list(prefix: string): Promise<string[]>
  /** Shorthand for a transaction of one change. */
  put(key: string, value: Uint8Array): Promise<void>
  /** Deleting what is not there is no error. */
  delete(key: string): Promise<void>
  /** Makes all changes, in order, or none; resolved means durable. Later changes of a key override earlier ones. */
  transaction(changes: readonly StoreChange[]): Promise<void>
}

/** One step of a transaction: a value for a key, or its deletion. */
export interface StoreChange {
  /** Which value. */
  readonly key: string
  /** Undefined deletes. */
  readonly value: Uint8Array | undefined
}

/**
 * A store that outlives its object. Only one object at a time has it open: two clients over one state would use the same
 * keys twice. What cannot be read or written rejects with ClientError `client.store-failed`.
 */
export interface DurableStore extends ClientStore {
  /** Finishes what was begun and lets go. Any other call rejects with ClientError `client.closed` from then on. */
  close(): Promise<void>
  /** Deletes the whole store, with all that the client ever was, and closes. */
  destroy(): Promise<void>
}

/** The changes with copies of their values, for the store to wipe. Throws TypeError if one of them is no change. */
export function copyChanges(changes: readonly StoreChange[]): StoreChange[] {
  for (const { key, value } of changes) {
    if (typeof key !== "string") throw new TypeError("keys are text")
    if (value !== undefined && !(value instanceof Uint8Array)) throw new TypeError("values are bytes")
  }
  return changes.map(({ key, value }) => ({ key, value: value && new Uint8Array(value) }))
}

/** A store that lives as long as its object: for tests, and for clients that should forget everything. */
export function memoryStore(): ClientStore {
  const values = new Map<string, Uint8Array>()
  async function transaction(changes: readonly StoreChange[]): Promise<void> {
    for (const { key, value } of copyChanges(changes)) {
      values.get(key)?.fill(0)
      if (value === undefined) values.delete(key)
      else values.set(key, value)
    }
  }
  return {
    async get(key) {
      return values.get(key)?.slice()
    },
    async list(prefix) {
      return [...values.keys()].filter((key) => key.startsWith(prefix)).sort()
    },
    put: (key, value) => transaction([{ key, value }]),
    delete: (key) => transaction([{ key, value: undefined }]),
    transaction,
  }
}
