import { byteName } from "./byte-name.ts"

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
      for (const subscription of listenersByKey.get(byteName(key)) ?? []) {
        queueMicrotask(() => {
          if (listenersByKey.get(byteName(key))?.has(subscription)) subscription.listener()
        })
      }
    },
    subscribe(key, listener) {
      const name = byteName(key)
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
