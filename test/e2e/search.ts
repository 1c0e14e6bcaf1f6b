import { Buffer } from "node:buffer"
import { formsOf } from "../../src/audit/checks/known.ts"
import { toHex } from "../../src/wire/bytes.ts"

const WINDOW_BYTES = 8
/** So many windows in a row make a find: the bytes around something known may be the same by chance, but not four. */
const RUN_WINDOWS = 4
const FIND_BYTES = WINDOW_BYTES + RUN_WINDOWS - 1
/** Windows of fewer different bytes are lengths, zeros and counters, and no coincidence where they are found twice. */
const DISTINCT_MIN = 6
const FILTER_BITS = 2 ** 27

/**
 * Byte strings in which to look for parts of others: random-looking ones of eleven bytes and more, wherever they
 * begin. Unrelated megabytes share none by chance.
 */
export class Haystack {
  readonly #values: readonly Buffer[]
  /** One bit for the hash of every window; those that are not set are not there. */
  readonly #filter = new Uint32Array(FILTER_BITS / 32)

  constructor(values: readonly Uint8Array[]) {
    this.#values = values.map(asBuffer)
    for (const value of this.#values) {
      for (let offset = 0; offset + WINDOW_BYTES <= value.length; offset++) {
        const hash = hashAt(value, offset)
        this.#filter[hash >>> 5] = (this.#filter[hash >>> 5] as number) | (1 << (hash & 31))
      }
    }
  }

  /** What it shares with a value, but not with the exceptions; in hexadecimal, one piece of every shared part. */
  sharedWith(value: Uint8Array, except: Haystack = nothing): string[] {
    const needle = asBuffer(value)
    const shared: string[] = []
    let run = 0
    for (let offset = 0; offset + WINDOW_BYTES <= needle.length; offset++) {
      const hit = this.#may(needle, offset) && looksRandom(needle, offset) && !except.#may(needle, offset)
      run = hit ? run + 1 : 0
      if (run < RUN_WINDOWS) continue
      const piece = needle.subarray(offset + WINDOW_BYTES - FIND_BYTES, offset + WINDOW_BYTES)
      if (run === RUN_WINDOWS && this.#values.some((whole) => whole.includes(piece)))
        shared.push(toHex(piece))
    }
    return shared
  }

  #may(value: Buffer, offset: number): boolean {
    const hash = hashAt(value, offset)
    return ((this.#filter[hash >>> 5] as number) & (1 << (hash & 31))) !== 0
  }
}

const nothing = new Haystack([])

function hashAt(value: Buffer, offset: number): number {
  const mixed =
    Math.imul(value.readInt32LE(offset), 0x9e3779b1) ^ Math.imul(value.readInt32LE(offset + 4), 0x85ebca77)
  return (mixed ^ (mixed >>> 15)) & (FILTER_BITS - 1)
}

function looksRandom(value: Buffer, offset: number): boolean {
  return new Set(value.subarray(offset, offset + WINDOW_BYTES)).size >= DISTINCT_MIN
}

/** Whether any of the byte strings contains it, raw, in hexadecimal or base64. */
export function contains(haystacks: readonly Uint8Array[], secret: Uint8Array): boolean {
  const needles = formsOf(secret)
  return haystacks.some((haystack) => needles.some((needle) => asBuffer(haystack).includes(needle)))
}

/** The same memory. */
function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}
