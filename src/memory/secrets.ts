import { SECRET_BYTES_MAX, SECRETS_REMEMBERED_MAX } from "../limits.ts"

/**
 * Secrets that requests brought, and an index that finds all of them in one pass over memory.
 *
 * A secret is found by its first 16 bytes and the five before it, which in a request's body are the end of its name and the
 * head of a byte string. Without those, a client could send bytes that the server needs as its key, to have them overwritten.
 */

export const SECRET_PIECE_BYTES = 16
export const SECRET_CONTEXT_BYTES = 5

const SLOT_BYTES = SECRET_CONTEXT_BYTES + SECRET_BYTES_MAX
const WORD_BYTES = 4
/** Each third word of memory is looked at: wherever 16 bytes lie, one of these is whole within them. */
const WORDS_STEP = 3
const PLACES = WORDS_STEP * WORD_BYTES
const INDEX_BITS = 16
const MASK = 2 ** INDEX_BITS - 1
/** A word that many others have in common, or hash to, is not looked for: no choice of secrets makes the search slow. */
const PROBES_MAX = 32

export class Secrets {
  readonly #bytes = new Uint8Array(new ArrayBuffer(SECRETS_REMEMBERED_MAX * SLOT_BYTES))
  /** 0: the slot is free. */
  readonly #lengths = new Uint16Array(SECRETS_REMEMBERED_MAX)
  /** By requests that are under way. */
  readonly #uses = new Uint32Array(SECRETS_REMEMBERED_MAX)
  /** 1: it has been unused since the search was prepared. */
  readonly #searched = new Uint8Array(SECRETS_REMEMBERED_MAX)
  /** By a word's hash: 0, or 1 + slot * PLACES + the word's place in the secret. */
  readonly #index = new Uint16Array(2 ** INDEX_BITS)
  /** All slots from here on are free. */
  #end = 0

  /** Where all of this is; it is not to be searched. */
  get memory(): Uint8Array {
    return this.#bytes
  }

  /**
   * Remembers a secret of a request that begins. It is a view of the body, with at least five bytes before it.
   * The result is for {@link release}; undefined: there are too many already.
   */
  hold(secret: Uint8Array): number | undefined {
    const slot = this.#find(secret) ?? this.#free()
    if (slot === undefined) return undefined
    const { buffer, byteOffset, length } = secret
    const at = byteOffset - SECRET_CONTEXT_BYTES
    this.#bytes.set(new Uint8Array(buffer, at, SECRET_CONTEXT_BYTES + length), slot * SLOT_BYTES)
    this.#lengths[slot] = length
    this.#uses[slot]!++
    this.#searched[slot] = 0
    this.#end = Math.max(this.#end, slot + 1)
    return slot
  }

  /** The request has ended. */
  release(slot: number): void {
    this.#uses[slot]!--
  }

  /** Prepares a search for what no request uses any more. Whether there is any. */
  prepare(): boolean {
    let any = false
    for (let slot = 0; slot < this.#end; slot++) {
      if (!this.#isDone(slot)) continue
      this.#enter(slot)
      this.#searched[slot] = 1
      any = true
    }
    return any
  }

  /** Calls `found` for each place in the memory where one of them begins, by then still unused. */
  search(memory: Uint8Array, found: (slot: number, at: number) => void): void {
    const words = new Uint32Array(memory.buffer, memory.byteOffset, memory.length >>> 2)
    const index = this.#index
    for (let i = 0; i < words.length; i += WORDS_STEP) {
      const word = words[i]!
      if (word === 0) continue
      let probe = hash(word)
      for (let entry = index[probe]!; entry !== 0; entry = index[probe]!) {
        probe = (probe + 1) & MASK
        const slot = Math.floor((entry - 1) / PLACES)
        const at = WORD_BYTES * i - ((entry - 1) % PLACES)
        if (this.#isAt(slot, memory, at) && this.#isDone(slot)) found(slot, at)
      }
    }
  }

  /** How many of these bytes, the first ones, are those of the secret. */
  common(slot: number, bytes: Uint8Array): number {
    const at = slot * SLOT_BYTES + SECRET_CONTEXT_BYTES
    let count = 0
    while (count < bytes.length && bytes[count] === this.#bytes[at + count]) count++
    return count
  }

  lengthOf(slot: number): number {
    return this.#lengths[slot]!
  }

  /** Forgets what was searched for, but for what requests have used since. */
  forget(): void {
    this.#index.fill(0)
    let end = 0
    for (let slot = 0; slot < this.#end; slot++) {
      if (this.#searched[slot] === 1) {
        this.#bytes.fill(0, slot * SLOT_BYTES, (slot + 1) * SLOT_BYTES)
        this.#lengths[slot] = 0
        this.#searched[slot] = 0
      } else if (this.#lengths[slot]! > 0) end = slot + 1
    }
    this.#end = end
  }

  #isDone(slot: number): boolean {
    return this.#lengths[slot]! > 0 && this.#uses[slot] === 0
  }

  #find(secret: Uint8Array): number | undefined {
    for (let slot = 0; slot < this.#end; slot++)
      if (this.#lengths[slot] === secret.length && this.common(slot, secret) === secret.length) return slot
    return undefined
  }

  #free(): number | undefined {
    const slot = this.#lengths.indexOf(0)
    return slot < 0 ? undefined : slot
  }

  #isAt(slot: number, memory: Uint8Array, at: number): boolean {
    const from = at - SECRET_CONTEXT_BYTES
    if (from < 0 || at + SECRET_PIECE_BYTES > memory.length) return false
    const length = SECRET_CONTEXT_BYTES + SECRET_PIECE_BYTES
    for (let i = 0; i < length; i++) if (memory[from + i] !== this.#bytes[slot * SLOT_BYTES + i]) return false
    return true
  }

  #enter(slot: number): void {
    const at = slot * SLOT_BYTES + SECRET_CONTEXT_BYTES
    for (let place = 0; place < PLACES; place++) {
      let probe = hash(wordAt(this.#bytes, at + place))
      let probes = 0
      while (this.#index[probe] !== 0 && probes++ < PROBES_MAX) probe = (probe + 1) & MASK
      if (this.#index[probe] === 0) this.#index[probe] = 1 + slot * PLACES + place
    }
  }
}

function hash(word: number): number {
  return Math.imul(word, 0x9e3779b1) >>> (32 - INDEX_BITS)
}

/** In the machine's own order, which is little-endian wherever Bun runs. */
function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}
