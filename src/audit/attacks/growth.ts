import { type Guess, isOfOneKind, type Linking } from "./linking.ts"

/**
 * How much tables grew while things changed: where a table grew by as many rows as records changed, each of these got one, all
 * of the same message.
 */

/** By how many rows each table grew, by its name; those that did not are not there. */
export type Growth = ReadonlyMap<string, number>

export function growthOf(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): Growth {
  const grown = [...after].map(([table, rows]): [string, number] => [table, rows - (before.get(table) ?? 0)])
  return new Map(grown.filter(([, rows]) => rows > 0))
}

/** `lefts` and `rights`: the things that something happened to, interval by interval. One guess for each table that grew. */
export function growthGuesses(
  linking: Linking,
  growth: readonly Growth[],
  lefts: readonly (readonly number[])[],
  rights: readonly (readonly number[])[],
): Guess[] {
  const tables = new Set(growth.flatMap((interval) => [...interval.keys()]))
  return [...tables].map((table) => {
    const scores = new Float64Array(linking.left.length * linking.right.length)
    for (const [index, interval] of growth.entries()) {
      const rows = interval.get(table) ?? 0
      if (rows > 0) addPairs(linking, scores, rows, lefts[index] as number[], rights[index] as number[])
    }
    return { attack: "growth", how: table, scores }
  })
}

/** How surprising it is that both were among those in an interval, in nats, the more the better they and the new rows fit in number. */
function addPairs(
  linking: Linking,
  scores: Float64Array,
  rows: number,
  ls: readonly number[],
  rs: readonly number[],
): void {
  const { left, right } = linking
  if (ls.length === 0 || rs.length === 0) return
  const fit = Math.min(rows, rs.length) / Math.max(rows, rs.length)
  const weight = fit * Math.log((left.length * right.length) / (ls.length * rs.length))
  for (const l of ls) {
    for (const r of rs) {
      if (isOfOneKind(linking) && l === r) continue
      scores[l * right.length + r] = (scores[l * right.length + r] as number) + weight
    }
  }
}
