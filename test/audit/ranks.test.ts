import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { areaUnderCurve, midranks, surelyFound } from "../../src/audit/ranks.ts"

const sumOf = (ranks: Float64Array, positive: (index: number) => boolean) =>
  ranks.reduce((sum, rank, index) => sum + (positive(index) ? rank : 0), 0)

describe("ranks", () => {
  test("equal scores share the mean of theirs", () => {
    expect([...midranks([7, 1, 7, 3])]).toEqual([3.5, 1, 3.5, 2])
  })

  test("give the area that Hanley and McNeil (1982) found for their radiologist", () => {
    const normal = [33, 6, 6, 11, 2].flatMap((count, rating) => Array<number>(count).fill(rating))
    const abnormal = [3, 2, 2, 11, 33].flatMap((count, rating) => Array<number>(count).fill(rating))
    const sum = sumOf(midranks([...abnormal, ...normal]), (index) => index < abnormal.length)
    expect(areaUnderCurve(sum, 51, 109)).toBeCloseTo(0.893, 3)
  })

  test("give the share of pairs in which the positive one is higher, and half of those in which they are equal", () => {
    const scores = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(scores, scores, (positives, negatives) => {
        const wins = positives.flatMap((p) => negatives.map((n): number => (p > n ? 1 : p === n ? 0.5 : 0)))
        const expected = wins.reduce((sum, win) => sum + win, 0) / wins.length
        const all = [...positives, ...negatives]
        const sum = sumOf(midranks(all), (index) => index < positives.length)
        expect(areaUnderCurve(sum, positives.length, all.length)).toBeCloseTo(expected, 10)
      }),
    )
  })
})

describe("what is surely found", () => {
  const scores = Array.from({ length: 100 }, (_, index) => 100 - index)

  test("ends where more than one in ten is wrong", () => {
    const positives = scores.map((_, index) => index < 20 || (index > 50 && index % 2 === 0))
    expect(surelyFound(scores, positives)).toBeCloseTo(20 / 44, 10)
  })

  test("is nothing if it is a handful", () => {
    expect(
      surelyFound(
        scores,
        scores.map((_, index) => index < 4 || index > 90),
      ),
    ).toBe(0)
  })

  test("takes equal scores together", () => {
    const positives = scores.map((_, index) => index < 50)
    expect(
      surelyFound(
        scores.map(() => 1),
        positives,
      ),
    ).toBe(0)
  })
})
