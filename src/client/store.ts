/**
 * Where a client keeps its state: keys, groups, queue positions, undelivered events. Values are secret and opaque;
 * keys are short text (`group/<hexadecimal>`), unique per client. An implementation owns copies: it neither keeps nor
 * hands out a buffer that somebody else may change.
 */
export interface ClientStore {
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

/** `value: undefined` deletes. */
export interface StoreChange {
  readonly key: string
  readonly value: Uint8Array | undefined
}

/** A store that lives as long as its object: for tests, and for clients that should forget everything. */
export function memoryStore(): ClientStore {
  const values = new Map<string, Uint8Array>()
  function apply({ key, value }: StoreChange): void {
    values.get(key)?.fill(0)
    if (value === undefined) values.delete(key)
    else values.set(key, value.slice())
  }
  return {
    async get(key) {
      return values.get(key)?.slice()
    },
    async list(prefix) {
      return [...values.keys()].filter((key) => key.startsWith(prefix)).sort()
    },
    async put(key, value) {
      apply({ key, value })
    },
    async delete(key) {
      apply({ key, value: undefined })
    },
    async transaction(changes) {
      for (const change of changes) apply(change)
    },
  }
}
