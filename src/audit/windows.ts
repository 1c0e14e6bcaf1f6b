import type { Buffer } from "node:buffer"

/** As many bytes as an id has: strings that long are no coincidence. */
export const WINDOW_BYTES = 16
/** Windows of fewer different bytes are lengths, zeros and text that all have. */
const DISTINCT_MIN = 11
const FILTER_BITS = 2 ** 28
/** Beyond so many bytes only every n-th window is looked at, the same ones everywhere. */
const BYTES_MAX = 128 * 1024 * 1024
/** Values that hold one window; more of them make it a common one. */
const HOLDERS_MAX = 100_000

/** Finds the byte strings that several values have in common, wherever they begin in each. */
export class WindowIndex {
  readonly #values: readonly Buffer[]
  readonly #once = new Uint32Array(FILTER_BITS / 32)
  readonly #again = new Uint32Array(FILTER_BITS / 32)
  readonly #each: number

  constructor(values: readonly Buffer[]) {
    this.#values = values
    const bytes = values.reduce((sum, { length }) => sum + length, 0)
    this.#each = Math.ceil(bytes / BYTES_MAX)
  }

  /** For every set of values that share something, the indexes of these; one window of each stretch that they share. */
  *shared(): Generator<readonly number[]> {
    for (const value of this.#values) this.#mark(value)
    const holders = new Map<string, number[]>()
    for (const [index, value] of this.#values.entries()) {
      for (const window of this.#marked(value)) {
        const known = holders.get(window)
        if (known === undefined) holders.set(window, [index])
        else if (known.at(-1) !== index && known.length < HOLDERS_MAX) known.push(index)
      }
    }
    const seen = new Set<string>()
    for (const some of holders.values()) {
      if (some.length < 2) continue
      const set = some.join()
      if (seen.has(set)) continue
      seen.add(set)
      yield some
    }
  }

  #mark(value: Buffer): void {
    for (let at = 0; at + WINDOW_BYTES <= value.length; at++) {
      const hash = hashAt(value, at)
      if (hash % this.#each !== 0) continue
      const word = hash >>> 5
      const bit = 1 << (hash & 31)
      if (((this.#once[word] as number) & bit) === 0) this.#once[word] = (this.#once[word] as number) | bit
      else this.#again[word] = (this.#again[word] as number) | bit
    }
  }

  *#marked(value: Buffer): Generator<string> {
    for (let at = 0; at + WINDOW_BYTES <= value.length; at++) {
      const hash = hashAt(value, at)
      if (hash % this.#each !== 0) continue
      if (((this.#again[hash >>> 5] as number) & (1 << (hash & 31))) === 0) continue
      if (looksRandom(value, at)) yield value.toString("latin1", at, at + WINDOW_BYTES)
    }
  }
}

function hashAt(value: Buffer, at: number): number {
  let mixed = Math.imul(value.readInt32LE(at), 0x9e3779b1) ^ Math.imul(value.readInt32LE(at + 4), 0x85ebca77)
  mixed ^=
    Math.imul(value.readInt32LE(at + 8), 0xc2b2ae3d) ^ Math.imul(value.readInt32LE(at + 12), 0x27d4eb2f)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d)
  return (mixed ^ (mixed >>> 13)) & (FILTER_BITS - 1)
}

function looksRandom(value: Buffer, at: number): boolean {
  return new Set(value.subarray(at, at + WINDOW_BYTES)).size >= DISTINCT_MIN
}
