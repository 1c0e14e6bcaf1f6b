import { byteName } from "./byte-name.ts"

/** Who wants to hear that something changed. */
export interface Listener {
  wake(): void
}

/**
 * Hints that something changed under a key. A hint may come without a change, and a change whose hint is lost
 * must still be found: rows are the truth, and a listener reads them.
 */
export interface Wakeups {
  /** Tells the key's listeners. None of them can make the caller fail. */
  wake(key: Uint8Array): void
  subscribe(key: Uint8Array, listener: Listener): void
  /** The listener hears nothing of the key any more. */
  unsubscribe(key: Uint8Array, listener: Listener): void
}

/** Wake-ups within this process; listeners run in a microtask, in the order of their subscription. */
export function localWakeups(): Wakeups {
  // Mostly one, of ten thousands of keys: a list is smaller than a set.
  const listenersByKey = new Map<string, readonly Listener[]>()
  const listenersOf = (name: string) => listenersByKey.get(name) ?? NOBODY
  return {
    wake(key) {
      const name = byteName(key)
      for (const listener of listenersOf(name)) {
        queueMicrotask(() => {
          if (listenersOf(name).includes(listener)) listener.wake()
        })
      }
    },
    subscribe(key, listener) {
      const name = byteName(key)
      listenersByKey.set(name, [...listenersOf(name), listener])
    },
    unsubscribe(key, listener) {
      const name = byteName(key)
      const left = listenersOf(name).filter((one) => one !== listener)
      if (left.length === 0) listenersByKey.delete(name)
      else listenersByKey.set(name, left)
    },
  }
}

const NOBODY: readonly Listener[] = []
