import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { ALIAS_CHARACTERS_MAX } from "../../src/limits.ts"
import { hashAlias, normalizeAlias } from "../../src/wire/alias.ts"
import { toHex, utf8 } from "../../src/wire/bytes.ts"
import { decodeSenderId, encodeSenderId } from "../../src/wire/sender.ts"
import { CodecError } from "../../src/wire/tls.ts"

function normalized(typed: string): string | undefined {
  try {
    return normalizeAlias(typed)
  } catch (error) {
    if (error instanceof CodecError) return undefined
    throw error
  }
}

describe("an alias", () => {
  test("is the same however it is typed", () => {
    const same = [
      ["ada", "Ada", "ADA", "Ａｄａ"],
      ["strasse", "Straße", "STRASSE"],
      ["ada.lovelace-byron_1815", "Ada.Lovelace-Byron_1815"],
      ["áb", "a\u0301b", "ÁB"],
      ["οδυσσευς", "ΟΔΥΣΣΕΥΣ"],
      ["fish", "ﬁsh"],
      ["王力", "王力"],
    ]
    for (const [alias, ...typed] of same) {
      for (const text of typed) expect(normalizeAlias(text)).toBe(alias!)
    }
  })

  test("is letters and digits, with single marks between them, of a length that has bounds", () => {
    const none = [
      "",
      "a",
      "-ab",
      "ab.",
      "a..b",
      "a b",
      "a\u200db",
      "ada@example.org",
      "a/b",
      "\u0301ab",
      "😀😀",
    ]
    for (const text of [...none, "a\n", "a\0b", "x".repeat(ALIAS_CHARACTERS_MAX + 1), "ab".repeat(100_000)]) {
      expect([text.slice(0, 80), normalized(text)]).toEqual([text.slice(0, 80), undefined])
    }
    expect(normalizeAlias("x".repeat(ALIAS_CHARACTERS_MAX))).toHaveLength(ALIAS_CHARACTERS_MAX)
  })

  test("that is normalised stays as it is, whatever it was made from", () => {
    const text = fc.string({ unit: "binary", maxLength: 8 })
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: "grapheme" })), (typed) => {
        const alias = normalized(typed)
        if (alias !== undefined) expect(normalizeAlias(alias)).toBe(alias)
      }),
      { numRuns: 3000 },
    )
  })

  test("has a hash that is Argon2id with the server's salt", async () => {
    // By the reference implementation: 32 MiB, 3 passes, 1 lane, associated data "Cinder 1 alias".
    const hash = "73a9fe1058b6de0c5759e1cf306704eb095d366ab7f4c14108af37f6e060c451"
    expect(toHex(await hashAlias("ada", new Uint8Array(32)))).toBe(hash)
    expect(toHex(await hashAlias("ada", new Uint8Array(32).fill(1)))).not.toBe(hash)
  })
})

describe("the sender id of an alias", () => {
  test("has one form", () => {
    const alias = { kind: "alias", id: new Uint8Array(32).fill(0xab) } as const
    const kid = `alias:${"ab".repeat(32)}`
    expect(encodeSenderId(alias)).toEqual(utf8(kid))
    expect(decodeSenderId(utf8(kid))).toEqual(alias)
    for (const other of [
      kid.toUpperCase(),
      kid.slice(2),
      kid.slice(0, -2),
      `${kid}ab`,
      "alias:",
      `alias:${kid}`,
    ]) {
      expect(() => decodeSenderId(utf8(other))).toThrow(CodecError)
    }
  })
})
