import type { Effect } from "../store/database.ts"
import type { EntryAddress, Pool } from "./pool.ts"

/** Entries of one chain that their owner has: from `through` down to `from`, and what is left below, down to `bottom`. */
export interface AcknowledgedRange extends EntryAddress {
  readonly chain: Uint8Array
  readonly through: number
  /** Entries from here on are known to exist; `through + 1` if none is. */
  readonly from: number
  /** Below it nothing is left; 0 if that is not known. */
  readonly bottom: number
}

/** How many look-ups are made before others get their turn. */
const LOOKUPS_PER_TURN = 256

/** The deletion of one entry of a chain. */
export interface Deletion {
  readonly chain: Uint8Array
  readonly effect: Effect
}

/**
 * The deletions of the ranges' entries, downwards until the first one missing. Each chain's lowest entries come
 * first: if only some of the deletions are made, repeating the acknowledgement makes the others.
 */
export async function deletionsOf(pool: Pool, ranges: readonly AcknowledgedRange[]): Promise<Deletion[]> {
  const all: Deletion[] = []
  let lookups = 0
  for (const range of ranges) {
    const downwards: Deletion[] = []
    for (let index = range.through; index >= range.bottom; index--) {
      if (index < range.from && pool.entry(range, index) === undefined) break
      const effect = pool.remove(range, index)
      if (effect === undefined) break
      downwards.push({ chain: range.chain, effect })
      if (++lookups % LOOKUPS_PER_TURN === 0) await nextTurn()
    }
    for (let i = downwards.length - 1; i >= 0; i--) all.push(downwards[i] as Deletion)
  }
  return all
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
