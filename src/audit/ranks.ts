import type { Estimate } from "./statistics.ts"

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

/** Spearman's rank correlation with 95 % confidence, by Fisher's transformation. */
export function rankCorrelation(one: readonly number[], other: readonly number[]): Estimate {
  const [x, y] = [midranks(one), midranks(other)]
  const middle = (one.length + 1) / 2
  let [xy, xx, yy] = [0, 0, 0]
  for (const [index, rank] of x.entries()) {
    const [dx, dy] = [rank - middle, (y[index] as number) - middle]
    xy += dx * dy
    xx += dx * dx
    yy += dy * dy
  }
  const value = xx * yy === 0 ? 0 : xy / Math.sqrt(xx * yy)
  const half = Z / Math.sqrt(Math.max(1, one.length - 3))
  return { value, low: Math.tanh(Math.atanh(value) - half), high: Math.tanh(Math.atanh(value) + half) }
}

/** Normal deviate of a two-sided interval of 95 %. */
const Z = 1.96

/**
 * The share of the positives that somebody finds who goes down from the highest score and stops where more than one in ten is
 * wrong; 0 if there are too few to tell from luck. Equal scores are found together.
 */
export function surelyFound(scores: readonly number[], isPositive: readonly boolean[]): number {
  const order = [...scores.keys()].sort((a, b) => (scores[b] as number) - (scores[a] as number))
  let [positives, found] = [0, 0]
  for (const [place, index] of order.entries()) {
    if (isPositive[index]) positives += 1
    const next = order[place + 1]
    if (next !== undefined && scores[next] === scores[index]) continue
    if (positives >= FOUND_MIN && positives >= PRECISION * (place + 1)) found = positives
  }
  return found / positives
}

const PRECISION = 0.9
const FOUND_MIN = 5
