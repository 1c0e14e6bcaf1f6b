import type { ChainWriter } from "../crypto/chain.ts"
import { byteName } from "../store/byte-name.ts"

/** The chain that a queue's next message goes into. It lives in memory only. */
export interface LiveChain {
  readonly writer: ChainWriter
  readonly month: number
  /** Milliseconds. */
  readonly began: number
  /** A new chain is wanted, if there are slots to spare. */
  renew: boolean
}

/** What the server remembers of a queue. */
export interface LiveQueue {
  chain: LiveChain | undefined
  /**
   * Entries that are not acknowledged, by chain, as far as known: of the chains that were written since the queue is
   * remembered, and of those that its owner has named.
   */
  readonly unread: Map<string, number>
}

/** The queues remembered, a bounded number; the least recently used is forgotten first, its chain key overwritten. */
export class LiveQueues {
  readonly #queues = new Map<string, LiveQueue>()
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  find(key: string): LiveQueue | undefined {
    return this.#queues.get(key)
  }

  /** The queue's memory, made if there is none, as the most recently used. To be followed by {@link trim}. */
  use(key: string): LiveQueue {
    const queue = this.#queues.get(key) ?? { chain: undefined, unread: new Map() }
    this.#queues.delete(key)
    this.#queues.set(key, queue)
    return queue
  }

  /** Forgets queues until no more than the bound are left. */
  trim(): void {
    for (const oldest of this.#queues.keys()) {
      if (this.#queues.size <= this.#max) return
      this.forget(oldest)
    }
  }

  forget(key: string): void {
    const queue = this.#queues.get(key)
    if (queue !== undefined) endChain(queue)
    this.#queues.delete(key)
  }

  forgetAll(): void {
    for (const key of [...this.#queues.keys()]) this.forget(key)
  }
}

/** All entries known to wait for the owner. */
export function unreadOf(queue: LiveQueue | undefined): number {
  let sum = 0
  for (const entries of queue?.unread.values() ?? []) sum += entries
  return sum
}

/** Adds entries of a chain, or takes some away. Of a chain that is not known there are none to take. */
export function changeUnread({ unread }: LiveQueue, chain: Uint8Array, by: number): void {
  const name = byteName(chain)
  const entries = (unread.get(name) ?? 0) + by
  if (entries > 0) unread.set(name, entries)
  else unread.delete(name)
}

/** Forgets the queue's chain and overwrites its keys. */
export function endChain(queue: LiveQueue): void {
  queue.chain?.writer.wipe()
  queue.chain = undefined
}
