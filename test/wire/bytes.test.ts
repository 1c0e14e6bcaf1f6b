import { expect, test } from "bun:test"
import fc from "fast-check"
import {
  compare,
  concat,
  equal,
  equalConstantTime,
  fromHex,
  fromUtf8,
  toHex,
  utf8,
} from "../../src/wire/bytes.ts"

const bytes = fc.uint8Array({ maxLength: 12 })

test("both equalities, the order and the hexadecimal form agree with each other", () => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      const same = toHex(a) === toHex(b)
      expect(equal(a, b)).toBe(same)
      expect(equalConstantTime(a, b)).toBe(same)
      expect(compare(a, b) === 0).toBe(same)
      expect(Math.sign(compare(a, b))).toBe(-Math.sign(compare(b, a)) + 0)
      expect(Math.sign(compare(a, b))).toBe(Buffer.compare(a, b))
      expect(fromHex(toHex(a))).toEqual(a)
      expect(toHex(concat(a, b))).toBe(toHex(a) + toHex(b))
    }),
    { numRuns: 200 },
  )
})

test("text survives UTF-8, and bytes that are not UTF-8 are refused", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(fromUtf8(utf8(text))).toBe(text)
    }),
    { numRuns: 100 },
  )
  expect(fromUtf8(fromHex("efbbbf61"))).toBe("\ufeffa")
  expect(() => fromUtf8(Uint8Array.of(0xff))).toThrow(TypeError)
})

test("hexadecimal of odd length or with other characters is refused", () => {
  for (const text of ["a", "0g", " 0", "0x00"]) expect(() => fromHex(text)).toThrow(TypeError)
})
