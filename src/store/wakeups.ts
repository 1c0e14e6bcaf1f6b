import { Buffer } from "node:buffer"

/**
 * Hints that something changed under a key. A hint may come without a change, and a change whose hint is lost
 * must still be found: rows are the truth, and a listener reads them.
 */
export interface Wakeups {
  /** Tells the key's listeners. None of them can make the caller fail. */
  wake(key: Uint8Array): void
  /** Returns the function that ends the subscription. */
  subscribe(key: Uint8Array, listener: () => void): () => void
}

/** Wake-ups within this process; listeners run in a microtask, in the order of their subscription. */
export function localWakeups(): Wakeups {
  const listenersByKey = new Map<string, Set<{ readonly listener: () => void }>>()
  return {
    wake(key) {
      for (const subscription of listenersByKey.get(nameOf(key)) ?? []) {
        queueMicrotask(() => {
          if (listenersByKey.get(nameOf(key))?.has(subscription)) subscription.listener()
        })
      }
    },
    subscribe(key, listener) {
      const name = nameOf(key)
      const subscription = { listener }
      const listeners = listenersByKey.get(name) ?? new Set()
      listenersByKey.set(name, listeners.add(subscription))
      return () => {
        listeners.delete(subscription)
        if (listeners.size === 0 && listenersByKey.get(name) === listeners) listenersByKey.delete(name)
      }
    },
  }
}

/** Keys are compared by content; one character for each byte. */
function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1")
}
