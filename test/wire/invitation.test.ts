import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { INVITATION_BYTES } from "../../src/limits.ts"
import {
  dayOf,
  formatInvitation,
  lastDayOf,
  makeInvitation,
  parseInvitation,
} from "../../src/wire/invitation.ts"
import { CodecError } from "../../src/wire/tls.ts"

const key = crypto.random(32)
const codes = fc.uint8Array({ minLength: INVITATION_BYTES, maxLength: INVITATION_BYTES })

describe("an invitation code", () => {
  test("is read as it was written, and as people type it", () => {
    fc.assert(
      fc.property(codes, (code) => {
        const text = formatInvitation(code)
        expect(text).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){7}[0-9A-HJKMNP-TV-Z]{4}$/)
        const typed = [
          text,
          text.toLowerCase(),
          text.replaceAll("-", ""),
          text.replaceAll("-", " – "),
          ` ${text}\n`,
          text.replaceAll("0", "o").replaceAll("1", "l"),
          text.replaceAll("0", "O").replaceAll("1", "I"),
        ]
        for (const form of typed) expect(parseInvitation(form)).toEqual(code)
      }),
    )
  })

  test("is none if it is longer, shorter, or has other characters", () => {
    const text = formatInvitation(makeInvitation(crypto, key, 20_000))
    for (const other of [
      "",
      text.slice(1),
      `${text}0`,
      `U${text.slice(1)}`,
      `é${text.slice(1)}`,
      `_${text.slice(1)}`,
    ])
      expect(() => parseInvitation(other)).toThrow(CodecError)
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 50 }), (anything) => {
        try {
          expect(parseInvitation(anything).length).toBe(INVITATION_BYTES)
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError)
        }
      }),
    )
  })

  test("says how long it is good to whoever has the key, and nobody makes one without", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 65_535 }), fc.nat(8 * INVITATION_BYTES - 1), (day, bit) => {
        const code = makeInvitation(crypto, key, day)
        expect(code.length).toBe(INVITATION_BYTES)
        expect(lastDayOf(crypto, key, code)).toBe(day)
        expect(lastDayOf(crypto, crypto.random(32), code)).toBeUndefined()
        const forged = code.slice()
        forged[bit >> 3]! ^= 1 << (bit & 7)
        expect(lastDayOf(crypto, key, forged)).toBeUndefined()
        expect(lastDayOf(crypto, key, code.subarray(1))).toBeUndefined()
      }),
    )
  })

  test("is another one each time", () => {
    const made = Array.from({ length: 100 }, () => formatInvitation(makeInvitation(crypto, key, 20_000)))
    expect(new Set(made).size).toBe(100)
  })
})

test("days begin at midnight in UTC", () => {
  const midnight = Date.UTC(2026, 10, 17) / 1000
  expect([dayOf(midnight - 1), dayOf(midnight), dayOf(midnight + 86_399)]).toEqual([20_773, 20_774, 20_774])
})
