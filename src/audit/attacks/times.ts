import type { Value } from "../sqlite/record.ts"
import { closeness, marksOf } from "./closeness.ts"
import { type Guess, isOfOneKind, type Linking, scoresOf } from "./linking.ts"
import { type OwnedRow, type Owners, rowsOf } from "./owners.ts"

/** Rows that were written at the same time, by what they themselves say. */

/** In seconds since 1970. */
const EARLIEST = Date.UTC(2015) / 1000
const LATEST = Date.UTC(2045) / 1000
/** Seconds, milliseconds, microseconds. */
const UNITS = [1, 1e3, 1e6]
/** A quick and a slow sense of what is near, in seconds. */
const NEAR = [1, 600]

export function timeGuesses(linking: Linking, owners: Owners): Guess[] {
  const left = marksOf(rowsOf(owners, linking.left).map(timesOf))
  const right = isOfOneKind(linking) ? left : marksOf(rowsOf(owners, linking.right).map(timesOf))
  return NEAR.map((unit) => ({
    attack: "times",
    how: `within ${unit} s`,
    scores: scoresOf(linking, (l, r) => closeness(left[l] ?? [], right[r] ?? [], unit)),
  }))
}

function timesOf(rows: readonly OwnedRow[]): number[] {
  return rows.flatMap(({ row }) => [...row.values.values()].flatMap(timeOf))
}

function timeOf(value: Value): number | [] {
  if (typeof value === "string") return Date.parse(value) / 1000 || []
  if (typeof value !== "number") return []
  const unit = UNITS.find((each) => value > EARLIEST * each && value < LATEST * each)
  return unit === undefined ? [] : value / unit
}
