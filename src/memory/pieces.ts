import { SWEEP_PIECES_MAX } from "../limits.ts"
import { fixedBuffer } from "../wire/bytes.ts"
import { emptyIndex, nextPlace, PROBES_MAX, placeOf } from "./word-index.ts"

/**
 * Keys in pieces of 16 bytes, and an index that finds all of them in one pass over memory, where they stand at addresses that
 * are multiples of 16: there a freed block of a key's size begins, and values on the stack mostly do. A piece is found
 * wherever it is, so that only what no client can choose belongs here.
 */

export const PIECE_BYTES = 16

const PIECE_WORDS = 4

export class Pieces {
  readonly #bytes = fixedBuffer(SWEEP_PIECES_MAX * PIECE_BYTES)
  readonly #words = new Uint32Array(this.#bytes.buffer)
  /** By a piece's first word's hash: 0, or 1 + the piece's place. */
  readonly #index = emptyIndex()
  #count = 0

  get isEmpty(): boolean {
    return this.#count === 0
  }

  /** Where all of this is; it is not to be searched. */
  get memory(): Uint8Array {
    return this.#bytes
  }

  /** Adds a key, as far as there is place. */
  add(key: Uint8Array): void {
    for (let at = 0; at + PIECE_BYTES <= key.length && this.#count < SWEEP_PIECES_MAX; at += PIECE_BYTES) {
      const place = this.#bytes.subarray(this.#count * PIECE_BYTES, (this.#count + 1) * PIECE_BYTES)
      place.set(key.subarray(at, at + PIECE_BYTES))
      if (this.#enter(this.#count)) this.#count++
      else place.fill(0)
    }
  }

  /** Calls `found` for each place in the memory, which begins at a multiple of 16, where a piece is. */
  search(memory: Uint8Array, found: (at: number) => void): void {
    const words = new Uint32Array(memory.buffer, memory.byteOffset, memory.length >>> 2)
    const index = this.#index
    for (let i = 0; i < words.length; i += PIECE_WORDS) {
      const word = words[i]!
      if (word === 0) continue
      const first = placeOf(word)
      if (index[first] !== 0 && this.#find(words, i, first)) found(i * 4)
    }
  }

  /** Whether these are a piece. */
  has(bytes: Uint8Array): boolean {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, PIECE_WORDS)
    return this.#find(words, 0, placeOf(words[0]!))
  }

  forget(): void {
    this.#bytes.fill(0, 0, this.#count * PIECE_BYTES)
    this.#index.fill(0)
    this.#count = 0
  }

  /** Enters the piece at this place. False: it is there already, or has no place in the index. */
  #enter(place: number): boolean {
    const at = place * PIECE_WORDS
    let probe = placeOf(this.#words[at]!)
    if (this.#find(this.#words, at, probe)) return false
    for (let probes = 0; this.#index[probe] !== 0; probe = nextPlace(probe))
      if (++probes > PROBES_MAX) return false
    this.#index[probe] = place + 1
    return true
  }

  #find(words: Uint32Array, at: number, first: number): boolean {
    for (let probe = first; this.#index[probe] !== 0; probe = nextPlace(probe)) {
      const piece = (this.#index[probe]! - 1) * PIECE_WORDS
      let same = 0
      while (same < PIECE_WORDS && this.#words[piece + same] === words[at + same]) same++
      if (same === PIECE_WORDS) return true
    }
    return false
  }
}
