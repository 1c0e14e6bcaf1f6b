import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { AUTHENTICATE_CHARACTERS_MAX, AUTHORIZATION_CHARACTERS_MAX } from "../../src/limits.ts"
import { encodeTokenChallenge } from "../../src/privacypass/challenge.ts"
import { PrivacyPassError } from "../../src/privacypass/error.ts"
import {
  formatAuthorization,
  formatChallenge,
  parseAuthorization,
  parseChallenges,
} from "../../src/privacypass/header.ts"
import { challenge, outcome } from "./world.ts"

const token = nativeCrypto.random(162)
const text = Buffer.from(token).toString("base64url")
const padded = nativeCrypto.random(4)
const paddedText = `${Buffer.from(padded).toString("base64url")}==`

const refused = (value: string) => outcome(() => parseAuthorization(value))
const refusedChallenge = (value: string) => outcome(() => parseChallenges(value))

/** Pieces that real and hostile headers are made of. */
const pieces = fc.constantFrom(
  ...[
    "PrivateToken",
    "Basic",
    " ",
    "\t",
    ",",
    "=",
    "==",
    '"',
    "\\",
    "token",
    "challenge",
    "token-key",
    "max-age",
  ],
  ...["AAAA", "AA==", '"AAAA"', '"a\\"b"', "10", "\n", "\0", "é", "\u2028", "privatetoken token=AAAA", "a=b"],
)

describe("Authorization", () => {
  test("carries a token as RFC 9577 writes it, and gives it back", () => {
    expect(formatAuthorization(token)).toBe(`PrivateToken token="${text}"`)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(parseAuthorization(formatAuthorization(bytes))).toEqual(bytes)
      }),
    )
  })

  test("is read in every form that RFC 9110 has for it", () => {
    for (const value of [
      `PrivateToken token=${text}`,
      `privatetoken  TOKEN = "${text}"`,
      `PRIVATETOKEN token\t=\t${text} `,
      `PrivateToken token="\\${text[0]}${text.slice(1)}"`,
      `PrivateToken extra="token=\\"x\\", y", token="${text}", realm=here`,
      `PrivateToken ,token="${text}",,`,
    ]) {
      expect(parseAuthorization(value)).toEqual(token)
    }
    // Not a token of RFC 9110, but what deployed clients send.
    expect(parseAuthorization(`PrivateToken token=${paddedText}`)).toEqual(padded)
    expect(parseAuthorization(`PrivateToken token="${paddedText}"`)).toEqual(padded)
  })

  test("is refused if it is empty, another scheme's, or holds no token or more than one", async () => {
    for (const value of [
      "",
      " , ",
      "PrivateToken",
      "PrivateToken ",
      `PrivateToken ${text}`,
      `PrivateToken challenge="${text}"`,
      `Bearer token="${text}"`,
      `PrivateTokens token="${text}"`,
      `token="${text}"`,
      `PrivateToken token="${text}", token="${text}"`,
      `PrivateToken token="${text}", TOKEN=${text}`,
      `PrivateToken token="${text}", PrivateToken token="${text}"`,
      `Basic abc, PrivateToken token="${text}"`,
      `PrivateToken token="${text}" PrivateToken`,
      `PrivateToken token="${text}" a=b`,
    ]) {
      expect(await refused(value)).toBe("malformed")
    }
  })

  test("is refused if the token is not base64url with its padding, or the text is not closed or not ASCII", async () => {
    const unpadded = paddedText.replaceAll("=", "")
    for (const value of [
      `PrivateToken token=${unpadded}`,
      `PrivateToken token="${unpadded}="`,
      `PrivateToken token="${paddedText}="`,
      `PrivateToken token="${text}+/"`,
      `PrivateToken token=" ${text}"`,
      `PrivateToken token="${text}`,
      `PrivateToken token=${text}"`,
      `PrivateToken token="${text}\\"`,
      `PrivateToken token=`,
      `PrivateToken token=:${text}:`,
      `PrivateToken token="${text}\n"`,
      `PrivateToken\ttoken="${text}"`,
      `PrivateToken token="${text}é"`,
      `PrivateToken token="${text}\u{1f600}"`,
    ]) {
      expect(await refused(value)).toBe("malformed")
    }
  })

  test("is refused beyond its length, up to which it is read at once", async () => {
    const filled = (characters: number) => {
      const start = `PrivateToken token=${text}, fill=`
      return start + "x".repeat(characters - start.length)
    }
    expect(parseAuthorization(filled(AUTHORIZATION_CHARACTERS_MAX))).toEqual(token)
    expect(await refused(filled(AUTHORIZATION_CHARACTERS_MAX + 1))).toBe("malformed")
  })
})

describe("WWW-Authenticate", () => {
  const encoded = encodeTokenChallenge(challenge)
  const key = nativeCrypto.random(32)

  test("poses a challenge with the issuer's key, and gives both back", () => {
    const value = formatChallenge(encoded, key)
    expect(value).toMatch(/^PrivateToken challenge="[\w-]+={0,2}", token-key="[\w-]+="$/)
    expect(parseChallenges(value)).toEqual([{ challenge: encoded, tokenKey: key }])
  })

  test("is read among other schemes, with several challenges, unknown parameters and without a key", () => {
    const one = formatChallenge(encoded, key)
    const value = `Negotiate YWJj==, Basic realm="a, PrivateToken challenge=\\"AAAA\\"", ${one}, new=1, max-age="10", Digest, privatetoken max-age=0, challenge=AAAA`
    expect(parseChallenges(value)).toEqual([
      { challenge: encoded, tokenKey: key, maxAgeSeconds: 10 },
      { challenge: new Uint8Array(3), maxAgeSeconds: 0 },
    ])
    expect(parseChallenges('Basic realm="x"')).toEqual([])
    expect(parseChallenges("")).toEqual([])
  })

  test("is refused with a challenge missing, doubled or not base64url, an age that is no number, or too much text", async () => {
    for (const value of [
      "PrivateToken",
      `PrivateToken token-key="AAAA"`,
      `PrivateToken challenge="AAAA", challenge="AAAA"`,
      `PrivateToken challenge="AAA"`,
      `PrivateToken challenge="AAAA", token-key="AAA"`,
      `PrivateToken challenge="AAAA", max-age=-1`,
      `PrivateToken challenge="AAAA", max-age="1e3"`,
      `PrivateToken challenge="AAAA", max-age=${"9".repeat(16)}`,
      `challenge="AAAA"`,
      `Basic realm="x`,
      `Basic PrivateToken challenge="AAAA"`,
      `PrivateToken YWJj challenge="AAAA"`,
      `PrivateToken challenge="AAAA", fill=${"x".repeat(AUTHENTICATE_CHARACTERS_MAX)}`,
    ]) {
      expect(await refusedChallenge(value)).toBe("malformed")
    }
  })
})

describe("header values that nobody means well with", () => {
  test("are read or refused, never anything else", () => {
    const values = fc.oneof(
      fc.array(pieces, { maxLength: 30 }).map((parts) => parts.join("")),
      fc.string({ unit: "binary", maxLength: 60 }),
    )
    fc.assert(
      fc.property(values, (value) => {
        for (const parse of [parseAuthorization, parseChallenges]) {
          try {
            parse(value)
          } catch (error) {
            expect(error).toBeInstanceOf(PrivacyPassError)
          }
        }
      }),
      { numRuns: 3000 },
    )
  })

  test("cost no more than their length: what regular expressions trip over is refused as fast as anything", async () => {
    const most = AUTHENTICATE_CHARACTERS_MAX - 20
    for (const unit of [" ", "\t", "=", "a=", ",", '"', '\\"', "a ", "a=a ", "\\", "a,", '"\\']) {
      const filling = unit.repeat(Math.floor(most / unit.length))
      for (const value of [filling, `PrivateToken ${filling}`, `a="${filling}`, `a="${filling}\n"`]) {
        expect(["done", "malformed"]).toContain(await refusedChallenge(value))
      }
    }
  })

  test("are never repeated in a refusal", () => {
    try {
      parseAuthorization(`PrivateToken token="${text}`)
      expect.unreachable()
    } catch (error) {
      expect(String(error)).not.toContain(text.slice(0, 8))
      expect((error as Error).cause).toBeUndefined()
    }
  })
})
