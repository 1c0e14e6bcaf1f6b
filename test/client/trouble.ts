import type { ClientStore } from "../../src/client/store.ts"
import type { Fetch } from "../../src/client/transport.ts"

/** Random numbers from a seed, so that a failing run can be repeated. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A network that loses requests and, as often, answers. */
export function lossyFetch(random: () => number, share: number, network: Fetch = fetch): Fetch {
  return async (url, request) => {
    if (random() < share) throw new TypeError("request lost")
    const response = await network(url, request)
    if (random() >= share) return response
    await response.arrayBuffer()
    throw new TypeError("answer lost")
  }
}

/** Streams that break after some frames. */
export function breakingWebSocket(random: () => number, framesMax: number): (url: URL) => WebSocket {
  return (url) => {
    const socket = new WebSocket(url)
    let left = 1 + Math.floor(random() * framesMax)
    socket.addEventListener("message", () => {
      left -= 1
      if (left === 0) socket.close()
    })
    return socket
  }
}

/** A store whose process dies at a chosen write: just before it or just after. Nothing works until it is revived. */
export class CrashingStore implements ClientStore {
  readonly #inner: ClientStore
  #writesLeft = Number.POSITIVE_INFINITY
  #afterwards = false
  #dead = false
  #onDeath: (() => void) | undefined

  constructor(inner: ClientStore) {
    this.#inner = inner
  }

  crashIn(writes: number, afterwards: boolean): void {
    this.#writesLeft = writes
    this.#afterwards = afterwards
  }

  revive(): void {
    this.#dead = false
    this.#writesLeft = Number.POSITIVE_INFINITY
  }

  /** Does work until it ends or the process dies. */
  async untilDeath(work: () => Promise<void>): Promise<void> {
    const death = new Promise<never>((_, reject) => {
      this.#onDeath = () => reject(new Error("crashed"))
    })
    await Promise.race([work(), death])
  }

  get dead(): boolean {
    return this.#dead
  }

  async #write(work: () => Promise<void>): Promise<void> {
    this.#alive()
    this.#writesLeft -= 1
    if (this.#writesLeft > 0) return await work()
    this.#dead = true
    this.#onDeath?.()
    if (this.#afterwards) await work()
    throw new Error("crashed")
  }

  #alive(): void {
    if (this.#dead) throw new Error("crashed")
  }

  async get(key: string) {
    this.#alive()
    return await this.#inner.get(key)
  }
  async list(prefix: string) {
    this.#alive()
    return await this.#inner.list(prefix)
  }
  put(key: string, value: Uint8Array) {
    return this.#write(() => this.#inner.put(key, value))
  }
  delete(key: string) {
    return this.#write(() => this.#inner.delete(key))
  }
  transaction(changes: Parameters<ClientStore["transaction"]>[0]) {
    return this.#write(() => this.#inner.transaction(changes))
  }
}
