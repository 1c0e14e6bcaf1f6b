import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { fromBase64Url, toBase64Url } from "../../src/wire/base64url.ts"

describe("base64url", () => {
  test("is what RFC 4648 section 5 says, with padding, and comes back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const text = toBase64Url(bytes)
        expect(text).toBe(Buffer.from(bytes).toString("base64").replaceAll("+", "-").replaceAll("/", "_"))
        expect(fromBase64Url(text)).toEqual(bytes)
      }),
    )
  })

  test("every text that is taken is the one encoding of its bytes", () => {
    const characters = fc.constantFrom(..."AQgw_-zZ09+/= \n\t")
    fc.assert(
      fc.property(fc.string({ unit: characters, maxLength: 9 }), (text) => {
        let bytes: Uint8Array
        try {
          bytes = fromBase64Url(text)
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError)
          return
        }
        expect(toBase64Url(bytes)).toBe(text)
      }),
      { numRuns: 2000 },
    )
  })

  test("padding that is missing, too long or alone, unused bits, other alphabets and white space are refused", () => {
    for (const text of [
      "AA",
      "AAA",
      "AA=",
      "AAAA=",
      "=",
      "AB==",
      "AAB=",
      "+/AA",
      "AA==\n",
      " AAAA",
      "AA==AA==",
    ]) {
      expect(() => fromBase64Url(text)).toThrow(TypeError)
    }
  })
})
