import type { Random } from "../random.ts"

/** How well an attack matched, and how well it would have by chance. */
export interface Verdict {
  /** Probability that it rates a right pair above a wrong one; one half by chance. */
  readonly auc: number
  /** Right pairs that it would have named: those rated above all others of the same row. By chance one at most, on average. */
  readonly hits: number
  /** Share of random matchings that it rates as high as the true one. */
  readonly p: number
}

const MATCHINGS = 200_000

/**
 * `scores[i][j]`: how much the attack believes that `i` on the one side and `j` on the other are the same; they are where
 * i = j. A permutation test: if nothing links the sides, the true matching is rated like any other. That holds whatever
 * else is in the scores, such as clients that do more than others, or values that depend on one another.
 */
export function judge(scores: readonly (readonly number[])[], random: Random): Verdict {
  const count = scores.length
  const ranks = ranksOf(scores)
  const sumOver = (matching: readonly number[]): number =>
    matching.reduce((sum, j, i) => sum + (ranks[i]?.[j] as number), 0)
  const identity = scores.map((_, i) => i)
  const truth = sumOver(identity)
  const matchings = Array.from({ length: MATCHINGS }, () => sumOver(shuffled(identity, random)))
  const wrongPairs = count * (count - 1)
  return {
    auc: (truth - (count * (count + 1)) / 2) / (count * wrongPairs),
    hits: scores.filter((row, i) => row.every((score, j) => j === i || score < (row[i] as number))).length,
    p: (1 + matchings.filter((sum) => sum >= truth).length) / (1 + MATCHINGS),
  }
}

/** From 1; equal scores have the mean of their ranks. */
function ranksOf(scores: readonly (readonly number[])[]): number[][] {
  const sorted = scores.flat().sort((a, b) => a - b)
  const rank = new Map<number, number>()
  for (let first = 0; first < sorted.length; ) {
    let end = first
    while (sorted[end] === sorted[first] && end < sorted.length) end += 1
    rank.set(sorted[first] as number, (first + 1 + end) / 2)
    first = end
  }
  return scores.map((row) => row.map((score) => rank.get(score) as number))
}

function shuffled(items: readonly number[], random: Random): number[] {
  const order = [...items]
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    ;[order[last], order[other]] = [order[other] as number, order[last] as number]
  }
  return order
}
