/** How well a guess does, and how sure that is. */

/** An estimate with its 95 % confidence interval. */
export interface Estimate {
  readonly value: number
  readonly low: number
  readonly high: number
}

/** A number that was counted, not estimated. */
export function exactly(value: number): Estimate {
  return { value, low: value, high: value }
}

/** Bits that an order of `count` things carries. */
export function bitsOfOrder(count: number): number {
  let bits = 0
  for (let i = 2; i <= count; i++) bits += Math.log2(i)
  return bits
}

/** Bits that it takes on average to say which of the values one is. */
export function entropyOf(values: Iterable<unknown>): number {
  const counts = new Map<unknown, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return entropyOfCounts([...counts.values()])
}

/** The same, of how often each value comes. */
export function entropyOfCounts(counts: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0)
  return counts.reduce(
    (bits, count) => (count === 0 ? bits : bits - (count / total) * Math.log2(count / total)),
    0,
  )
}

/**
 * Chi-square of the bytes' frequencies against uniform ones, as deviations from what is expected by chance: it has mean 0
 * and deviation 1 for random bytes.
 */
export function deviationFromUniform(counts: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0)
  const expected = total / counts.length
  const chi = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
  const freedom = counts.length - 1
  return (chi - freedom) / Math.sqrt(2 * freedom)
}

/** Bits that it takes to say which `some` of `all` things it is. */
export function bitsOfChoice(all: number, some: number): number {
  return bitsOfOrder(all) - bitsOfOrder(some) - bitsOfOrder(all - some)
}
