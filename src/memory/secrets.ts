import { SECRET_BYTES_MAX, SECRETS_REMEMBERED_MAX } from "../limits.ts"
import { fixedBuffer } from "../wire/bytes.ts"
import { PIECE_BYTES } from "./pieces.ts"
import { emptyIndex, nextPlace, PROBES_MAX, placeOf } from "./word-index.ts"

/**
 * Secrets that requests brought, and an index that finds all of them in one pass over memory.
 *
 * A secret is found by 16 bytes at its beginning and the five before it, which in a request's body are the end of its name and
 * the head of a byte string; or by 16 bytes at its end and the five after it, if these begin another name of the protocol.
 * Without those, a client could send bytes that the server needs as its key, to have them overwritten.
 */

/** Bytes before and after a secret without which it is not taken for one. */
export const SECRET_CONTEXT_BYTES = 5

/** A secret as it stands in a request's body. */
export interface Secret {
  /** A view, before which there are at least five bytes. */
  readonly bytes: Uint8Array
  /** Whether a name of the protocol follows it. */
  readonly isFollowed: boolean
}

const SLOT_BYTES = SECRET_CONTEXT_BYTES + SECRET_BYTES_MAX + SECRET_CONTEXT_BYTES
const WORD_BYTES = 4
/** Each third word of memory is looked at: wherever 16 bytes lie, one of these is whole within them. */
const WORDS_STEP = 3
const WORD_PLACES = WORDS_STEP * WORD_BYTES
/** Places of words in the secret's beginning, then in its end. */
const PLACES = 2 * WORD_PLACES
/** Of 16 random bytes 99 % have so many values or more; two addresses or numbers never. And 99.8 % have so many beyond ASCII. */
const VALUES_MIN = 14
const BEYOND_ASCII_MIN = 3

export class Secrets {
  /** Each slot: context, secret, context. */
  readonly #bytes = fixedBuffer(SECRETS_REMEMBERED_MAX * SLOT_BYTES)
  /** 0: the slot is free. */
  readonly #lengths = new Uint16Array(SECRETS_REMEMBERED_MAX)
  /** By requests that are under way. */
  readonly #uses = new Uint32Array(SECRETS_REMEMBERED_MAX)
  /** When a request had it last: milliseconds of `performance.now()`. */
  readonly #usedAt = new Float64Array(SECRETS_REMEMBERED_MAX)
  /** 1: it is searched for, and has been unused since the search was prepared. */
  readonly #searched = new Uint8Array(SECRETS_REMEMBERED_MAX)
  /** By a word's hash: 0, or 1 + slot * PLACES + place. */
  readonly #index = emptyIndex()
  /** All slots from here on are free. */
  #end = 0

  /** Where all of this is; it is not to be searched. */
  get memory(): Uint8Array {
    return this.#bytes
  }

  /** Remembers a secret of a request that begins. The result is for {@link release}; undefined: there are too many. */
  hold({ bytes: { buffer, byteOffset, length }, isFollowed }: Secret): number | undefined {
    const slot = this.#find(new Uint8Array(buffer, byteOffset, length)) ?? this.#free()
    if (slot === undefined) return undefined
    const after = isFollowed ? SECRET_CONTEXT_BYTES : 0
    const whole = new Uint8Array(
      buffer,
      byteOffset - SECRET_CONTEXT_BYTES,
      SECRET_CONTEXT_BYTES + length + after,
    )
    this.#bytes.set(whole, slot * SLOT_BYTES)
    this.#lengths[slot] = length
    this.#uses[slot]!++
    this.#usedAt[slot] = performance.now()
    this.#searched[slot] = 0
    this.#end = Math.max(this.#end, slot + 1)
    return slot
  }

  /** The request has ended. */
  release(slot: number): void {
    this.#uses[slot]!--
    this.#usedAt[slot] = performance.now()
  }

  /**
   * Prepares a search for what no request has used since this moment. Whether there is any. `random` is called for what looks
   * random.
   */
  prepare(since: number, random: (secret: Uint8Array) => void): boolean {
    let any = false
    for (let slot = 0; slot < this.#end; slot++) {
      if (this.#lengths[slot] === 0 || this.#uses[slot]! > 0 || this.#usedAt[slot]! > since) continue
      for (let place = 0; place < PLACES; place++) this.#enter(slot, place)
      this.#searched[slot] = 1
      const secret = this.#secret(slot)
      if (looksRandom(secret)) random(secret)
      any = true
    }
    return any
  }

  /**
   * Calls `found` with each secret, unused until then, of which the memory has the beginning or the end, and where it
   * begins; that may lie before the memory.
   */
  search(memory: Uint8Array, found: (secret: Uint8Array, at: number) => void): void {
    const words = new Uint32Array(memory.buffer, memory.byteOffset, memory.length >>> 2)
    const index = this.#index
    for (let i = 0; i < words.length; i += WORDS_STEP) {
      const word = words[i]!
      if (word === 0) continue
      let probe = placeOf(word)
      for (let entry = index[probe]!; entry !== 0; entry = index[probe]!) {
        const at = this.#match(entry - 1, memory, WORD_BYTES * i)
        if (at !== undefined) found(this.#secret(Math.floor((entry - 1) / PLACES)), at)
        probe = nextPlace(probe)
      }
    }
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

  #secret(slot: number): Uint8Array {
    const at = slot * SLOT_BYTES + SECRET_CONTEXT_BYTES
    return this.#bytes.subarray(at, at + this.#lengths[slot]!)
  }

  #find(secret: Uint8Array): number | undefined {
    for (let slot = 0; slot < this.#end; slot++) {
      const at = slot * SLOT_BYTES + SECRET_CONTEXT_BYTES
      if (this.#lengths[slot] === secret.length && this.#same(at, secret, 0, secret.length)) return slot
    }
    return undefined
  }

  #free(): number | undefined {
    const slot = this.#lengths.indexOf(0)
    return slot < 0 ? undefined : slot
  }

  /** Where the secret begins, if the word at `wordAt` is the one of this entry and its surroundings are there too. */
  #match(entry: number, memory: Uint8Array, wordAt: number): number | undefined {
    const slot = Math.floor(entry / PLACES)
    const at = wordAt - this.#offset(slot, entry % PLACES)
    const isEnd = entry % PLACES >= WORD_PLACES
    const from = isEnd ? this.#lengths[slot]! - PIECE_BYTES : -SECRET_CONTEXT_BYTES
    const length = PIECE_BYTES + SECRET_CONTEXT_BYTES
    const inSlot = slot * SLOT_BYTES + SECRET_CONTEXT_BYTES + from
    const isThere = at + from >= 0 && this.#same(inSlot, memory, at + from, length)
    return isThere && this.#searched[slot] === 1 ? at : undefined
  }

  #same(at: number, memory: Uint8Array, from: number, length: number): boolean {
    for (let i = 0; i < length; i++) if (this.#bytes[at + i] !== memory[from + i]) return false
    return true
  }

  /** Of the word at this place, from the secret's beginning. */
  #offset(slot: number, place: number): number {
    return place < WORD_PLACES ? place : this.#lengths[slot]! - PIECE_BYTES + place - WORD_PLACES
  }

  #enter(slot: number, place: number): void {
    const at = slot * SLOT_BYTES + SECRET_CONTEXT_BYTES + this.#offset(slot, place)
    // Where no name follows, nothing does: a zero, which is never the head of one.
    if (
      place >= WORD_PLACES &&
      this.#bytes[slot * SLOT_BYTES + SECRET_CONTEXT_BYTES + this.#lengths[slot]!] === 0
    )
      return
    let probe = placeOf(wordAt(this.#bytes, at))
    let probes = 0
    while (this.#index[probe] !== 0 && probes++ < PROBES_MAX) probe = nextPlace(probe)
    if (this.#index[probe] === 0) this.#index[probe] = 1 + slot * PLACES + place
  }
}

/** Whether it can be told from all that is on a stack. */
function looksRandom(secret: Uint8Array): boolean {
  for (let at = 0; at + PIECE_BYTES <= secret.length; at += PIECE_BYTES) {
    const piece = secret.subarray(at, at + PIECE_BYTES)
    if (new Set(piece).size < VALUES_MIN) return false
    if (piece.filter((byte) => byte >= 128).length < BEYOND_ASCII_MIN) return false
  }
  return true
}

/** In the machine's own order, which is little-endian wherever Bun runs. */
function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}
