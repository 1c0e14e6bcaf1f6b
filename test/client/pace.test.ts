import { expect, test } from "bun:test"
import fc from "fast-check"
import { around, renewalTime, spreadMilliseconds } from "../../src/client/pace.ts"

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

test("what ends is replaced in the last third of its life and before the last sixth, all along it", () => {
  fc.assert(
    fc.property(
      fc.nat(2 ** 32),
      fc.integer({ min: 600, max: 2 ** 30 }),
      chance,
      (notBefore, seconds, random) => {
        const notAfter = notBefore + seconds
        const left = notAfter - renewalTime({ notBefore, notAfter }, () => random)
        expect(left).toBeGreaterThanOrEqual(Math.floor(seconds / 6))
        expect(left).toBeLessThanOrEqual(Math.ceil(seconds / 3))
      },
    ),
  )
  const life = { notBefore: 0, notAfter: 90 * 86_400 }
  const times = Array.from({ length: 200 }, () => renewalTime(life) / 86_400)
  expect(Math.min(...times)).toBeLessThan(62)
  expect(Math.max(...times)).toBeGreaterThan(73)
})

test("a time around a mean is never less than its half, an exponential one is bounded", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10 ** 9 }), chance, (mean, random) => {
      expect(around(mean, () => random)).toBeGreaterThanOrEqual(mean / 2)
      expect(around(mean, () => random)).toBeLessThanOrEqual(1.5 * mean)
      expect(spreadMilliseconds(mean, () => random)).toBeLessThanOrEqual(8 * mean)
    }),
  )
})
