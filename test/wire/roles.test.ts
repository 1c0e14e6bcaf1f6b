import { expect, test } from "bun:test"
import fc from "fast-check"
import { ADMINS_MAX } from "../../src/limits.ts"
import { compare } from "../../src/wire/bytes.ts"
import { decodeRoles, encodeRoles } from "../../src/wire/roles.ts"
import { CodecError } from "../../src/wire/tls.ts"

const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
const keys = fc.uniqueArray(key, { selector: (k) => k.join(), minLength: 1, maxLength: ADMINS_MAX })

test("roles round-trip in the one order that their keys have", () => {
  fc.assert(
    fc.property(keys, fc.nat(), (admins, cut) => {
      const encoded = encodeRoles({ admins })
      const decoded = decodeRoles(encoded)
      expect(decoded.admins).toEqual([...admins].sort(compare))
      expect(encodeRoles(decoded)).toEqual(encoded)
      expect(() => decodeRoles(encoded.subarray(0, cut % encoded.length))).toThrow(CodecError)
    }),
    { numRuns: 200 },
  )
})

test("whatever decodes is the one encoding of what it says", () => {
  const valid = keys.map((admins) => encodeRoles({ admins }))
  const damaged = fc.tuple(valid, fc.nat(), fc.nat({ max: 255 })).map(([bytes, at, value]) => {
    return bytes.with(at % bytes.length, value)
  })
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 100 })), (bytes) => {
      try {
        expect(encodeRoles(decodeRoles(bytes))).toEqual(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(CodecError)
      }
    }),
    { numRuns: 300 },
  )
})
