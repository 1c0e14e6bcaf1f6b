import type { Snapshot } from "./evidence.ts"
import { type Estimate, exactly } from "./statistics.ts"

/** What one attempt to learn more than is promised came to. */
export interface Finding {
  /** Short and stable. */
  readonly id: string
  /** Whether the promise holds, as far as this attempt goes. */
  readonly pass: boolean
  /** How much leaks, in the unit. */
  readonly measure: Estimate
  /** What the same attempt gets where there is nothing to get. */
  readonly chance: number
  readonly unit: string
  /** What it means, for people. */
  readonly words: string
  /** Where it was seen. */
  readonly details: readonly string[]
}

/** An attempt to learn something from directories as they were at one or more moments. */
export interface Check {
  readonly id: string
  /** What the adversary would like to learn. */
  readonly question: string
  run(snapshots: readonly Snapshot[]): Omit<Finding, "id">
}

/** Places named in one finding, at most. */
const DETAILS_MAX = 12

/** A thing that must not be there at all, counted. `places` says where. */
export function countedFinding(
  unit: string,
  count: number,
  places: readonly string[],
  words: { readonly clean: string; readonly leak: string },
): Omit<Finding, "id"> {
  const more = places.length - DETAILS_MAX
  const pass = count === 0
  return {
    pass,
    measure: exactly(count),
    chance: 0,
    unit,
    words: pass ? words.clean : words.leak,
    details: more > 0 ? [...places.slice(0, DETAILS_MAX), `and ${more} more`] : places,
  }
}
