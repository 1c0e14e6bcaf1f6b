import { Buffer } from "node:buffer"
import { WINDOW_BYTES, WindowIndex } from "../windows.ts"
import { commonScores } from "./common.ts"
import { type Guess, isOfOneKind, type Linking } from "./linking.ts"
import { type OwnedRow, type Owners, rowsOf } from "./owners.ts"

/** What rows have in common that others have not: bytes, or lengths. The rarer, the more it tells. */

export function lengthGuesses(linking: Linking, owners: Owners): Guess[] {
  const holders = new Map<number, Set<number>>()
  for (const [thing, rows] of thingsOf(linking, owners).entries()) {
    for (const { length } of rows.flatMap(bytesOf)) {
      holders.set(length, (holders.get(length) ?? new Set()).add(thing))
    }
  }
  return [{ attack: "lengths", how: "rare ones", scores: commonScores(linking, holders.values()) }]
}

export function byteGuesses(linking: Linking, owners: Owners): Guess[] {
  const values: Buffer[] = []
  const things: number[] = []
  for (const [thing, rows] of thingsOf(linking, owners).entries()) {
    for (const value of rows.flatMap(bytesOf)) {
      if (value.length < WINDOW_BYTES) continue
      values.push(value)
      things.push(thing)
    }
  }
  const holders = [...new WindowIndex(values).shared()].map(
    (indexes) => new Set(indexes.map((index) => things[index] as number)),
  )
  return [{ attack: "bytes", how: "rare ones", scores: commonScores(linking, holders) }]
}

/** Left ones, then right ones that are others. */
function thingsOf(linking: Linking, owners: Owners): (readonly OwnedRow[])[] {
  const { left, right } = linking
  return rowsOf(owners, isOfOneKind(linking) ? left : [...left, ...right])
}

function bytesOf({ row }: OwnedRow): Buffer[] {
  return [...row.values.values()].flatMap((value) => {
    if (typeof value === "string") return [Buffer.from(value)]
    return value instanceof Uint8Array ? [value] : []
  })
}
