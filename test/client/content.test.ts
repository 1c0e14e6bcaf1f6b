import { expect, test } from "bun:test"
import fc from "fast-check"
import { type Content, decodeContent, encodeContent } from "../../src/client/content.ts"
import { CodecError } from "../../src/wire/tls.ts"

const content: fc.Arbitrary<Content> = fc.record({
  kind: fc.constantFrom("application" as const, "friendship" as const, "receipt" as const),
  sequence: fc.nat(),
  body: fc.uint8Array({ maxLength: 300 }),
})

test("content round-trips, and nothing else decodes", () => {
  fc.assert(
    fc.property(content, fc.nat(), (value, cut) => {
      const bytes = encodeContent(value)
      expect(decodeContent(bytes)).toEqual({ ...value, body: Uint8Array.from(value.body) })
      expect(() => decodeContent(bytes.subarray(0, cut % bytes.length))).toThrow(CodecError)
      expect(() => decodeContent(Uint8Array.from([...bytes, 0]))).toThrow(CodecError)
    }),
    { numRuns: 200 },
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        expect(encodeContent(decodeContent(bytes))).toEqual(Uint8Array.from(bytes))
      } catch (error) {
        expect(error).toBeInstanceOf(CodecError)
      }
    }),
    { numRuns: 300 },
  )
})
