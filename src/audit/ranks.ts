/** Ranks from 1, the lowest first; equal scores share the mean of their ranks. */
export function midranks(scores: ArrayLike<number>): Float64Array {
  const sorted = Float64Array.from(scores).sort()
  const ranks = new Map<number, number>()
  for (let at = 0; at < sorted.length; ) {
    const score = sorted[at] as number
    let end = at
    while (end < sorted.length && sorted[end] === score) end++
    ranks.set(score, (at + 1 + end) / 2)
    at = end
  }
  return Float64Array.from(scores, (score) => ranks.get(score) as number)
}

/**
 * The area under the ROC curve: how likely one of the `positives` has a higher score than one of the others of `all`, by the
 * sum of their ranks (Mann and Whitney, 1947). 0.5 is chance.
 */
export function areaUnderCurve(rankSum: number, positives: number, all: number): number {
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * (all - positives))
}
