import { expect, test } from "bun:test"
import fc from "fast-check"
import { PADDED_BYTES_MAX, paddedLength } from "../../src/crypto/padding.ts"
import { CryptoError } from "../../src/crypto/provider.ts"

const unit = fc.integer({ min: 4096, max: 100_000 })
const length = fc.integer({ min: 0, max: 2 ** 26 })

test("doubling gives the least unit times a power of two that holds the content", () => {
  fc.assert(
    fc.property(unit, length, (unitBytes, size) => {
      const padded = paddedLength({ kind: "doubling", unitBytes }, size)
      expect(padded).toBeGreaterThanOrEqual(size)
      expect(Number.isInteger(Math.log2(padded / unitBytes))).toBe(true)
      if (padded > unitBytes) expect(padded / 2).toBeLessThan(size)
    }),
    { numRuns: 200 },
  )
})

test("percentile gives the least multiple of the unit that holds the content", () => {
  fc.assert(
    fc.property(unit, length, (unitBytes, size) => {
      const padded = paddedLength({ kind: "percentile", unitBytes }, size)
      expect(padded).toBeGreaterThanOrEqual(size)
      expect(padded % unitBytes).toBe(0)
      if (padded > unitBytes) expect(padded - unitBytes).toBeLessThan(size)
    }),
    { numRuns: 200 },
  )
})

test("nothing is padded beyond the maximum: what does not fit is refused", () => {
  const policy = { kind: "doubling", unitBytes: 4096 } as const
  expect(paddedLength(policy, 8192, 8192)).toBe(8192)
  expect(() => paddedLength(policy, 8193, 8192)).toThrow(CryptoError)
  expect(() => paddedLength(policy, 8193, 16_383)).toThrow(CryptoError)
  expect(() => paddedLength(policy, PADDED_BYTES_MAX + 1, Number.POSITIVE_INFINITY)).toThrow(CryptoError)
})

test("a unit below one page and lengths that are no lengths are refused", () => {
  for (const unitBytes of [0, 1, 4095, 4096.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => paddedLength({ kind: "doubling", unitBytes }, 1)).toThrow(CryptoError)
  }
  for (const size of [-1, 0.5, Number.NaN]) {
    expect(() => paddedLength({ kind: "doubling", unitBytes: 4096 }, size)).toThrow(CryptoError)
  }
})
