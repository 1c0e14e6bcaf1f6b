import {
  GROUP_STATE_BYTES_MAX,
  PADDING_UNIT_BYTES_MAX,
  PADDING_UNIT_BYTES_MIN,
  SIZES_NEEDED,
  SIZES_REMEMBERED_MAX,
} from "../limits.ts"
import { toHex } from "../wire/bytes.ts"

/** Percentiles are given in tenths, as in the Phoenix book. */
const TENTHS = 10
const CLASSES = Math.log2(GROUP_STATE_BYTES_MAX / PADDING_UNIT_BYTES_MIN) + 1

/**
 * How large the records of the groups are that were written lately: coarsely, by powers of two, and in memory only. Each
 * group counts once, so nobody makes everybody's records larger by writing one large group often.
 */
export class SizeHistogram {
  /** The size class of each group, by its id, the one written last at the end. */
  readonly #classes = new Map<string, number>()
  readonly #counts = new Array<number>(CLASSES).fill(0)

  /** A group's record has this many bytes from now on. */
  note(groupId: Uint8Array, bytes: number): void {
    const key = toHex(groupId)
    const sizeClass = classOf(bytes)
    this.#forget(key)
    this.#classes.set(key, sizeClass)
    this.#count(sizeClass, 1)
    const [oldest] = this.#classes.keys()
    if (this.#classes.size > SIZES_REMEMBERED_MAX && oldest !== undefined) this.#forget(oldest)
  }

  /** A size, in bytes, that held the group's record when it was written last; undefined if that is forgotten. */
  of(groupId: Uint8Array): number | undefined {
    const sizeClass = this.#classes.get(toHex(groupId))
    return sizeClass === undefined ? undefined : sizeOf(sizeClass)
  }

  /** A size, in bytes, up to the largest unit, that holds so many tenths of the groups; undefined as long as too few are known. */
  holding(tenths: number): number | undefined {
    if (this.#classes.size < SIZES_NEEDED) return undefined
    let held = 0
    let sizeClass = 0
    while (sizeClass < CLASSES - 1) {
      held += this.#counts[sizeClass] as number
      if (held * TENTHS >= this.#classes.size * tenths) break
      sizeClass++
    }
    return Math.min(PADDING_UNIT_BYTES_MAX, sizeOf(sizeClass))
  }

  #forget(key: string): void {
    const known = this.#classes.get(key)
    if (known === undefined) return
    this.#classes.delete(key)
    this.#count(known, -1)
  }

  #count(sizeClass: number, by: 1 | -1): void {
    this.#counts[sizeClass] = (this.#counts[sizeClass] as number) + by
  }
}

function sizeOf(sizeClass: number): number {
  return PADDING_UNIT_BYTES_MIN * 2 ** sizeClass
}

function classOf(bytes: number): number {
  const units = Math.max(1, bytes / PADDING_UNIT_BYTES_MIN)
  return Math.min(CLASSES - 1, Math.ceil(Math.log2(units)))
}
