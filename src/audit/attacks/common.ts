import { isOfOneKind, type Linking } from "./linking.ts"

/** What more things have in common says nothing of two of them. */
const HOLDERS_SHARE_MAX = 0.5

/**
 * Of each pair, how surprising what both have in common is in all, in nats. `sets`: the things that have something in
 * common, left ones by their place, then right ones that are others.
 */
export function commonScores(linking: Linking, sets: Iterable<ReadonlySet<number>>): Float64Array {
  const { left, right } = linking
  const symmetric = isOfOneKind(linking)
  const scores = new Float64Array(left.length * right.length)
  const things = symmetric ? left.length : left.length + right.length
  const add = (l: number, r: number, weight: number) => {
    scores[l * right.length + r] = (scores[l * right.length + r] as number) + weight
  }
  for (const set of sets) {
    if (set.size < 2 || set.size > things * HOLDERS_SHARE_MAX) continue
    const weight = Math.log(things / set.size)
    const lefts = [...set].filter((thing) => thing < left.length)
    const rights = symmetric ? lefts : [...set].filter((thing) => thing >= left.length)
    for (const l of lefts) {
      for (const r of rights) if (l !== r) add(l, symmetric ? r : r - left.length, weight)
    }
  }
  return scores
}
