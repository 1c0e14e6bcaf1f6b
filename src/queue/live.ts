import type { ChainWriter } from "../crypto/chain.ts"

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
  /** Entries written and not acknowledged, as far as known. */
  outstanding: number
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
    const queue = this.#queues.get(key) ?? { chain: undefined, outstanding: 0 }
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

/** Forgets the queue's chain and overwrites its keys. */
export function endChain(queue: LiveQueue): void {
  queue.chain?.writer.wipe()
  queue.chain = undefined
}
