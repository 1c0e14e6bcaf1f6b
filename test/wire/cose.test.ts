import { describe, expect, test } from "bun:test"
import { decode, encode, rfc8949EncodeOptions } from "cborg"
import fc from "fast-check"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { portableCrypto } from "../../src/crypto/portable.ts"
import { fromHex, toHex, utf8 } from "../../src/wire/bytes.ts"
import {
  externalAad,
  parseRequest,
  SENDER_ID_BYTES_MAX,
  type SignedParts,
  signRequest,
} from "../../src/wire/cose.ts"
import { CodecError } from "../../src/wire/tls.ts"

const seed = nativeCrypto.random(32)
const publicKey = nativeCrypto.ed25519Public(seed)
const aad = externalAad("POST", "/ds/send-message")
const parts: SignedParts = {
  kid: utf8("leaf:3"),
  issuedAt: 1_790_000_000,
  nonce: nativeCrypto.random(16),
  payload: Uint8Array.of(0xa0),
}
const request = signRequest(nativeCrypto, seed, parts, aad)

/** The same structure by an independent encoder, with whatever is to be wrong about it. */
function build(change: {
  header?: unknown
  protectedBytes?: Uint8Array
  unprotected?: unknown
  payload?: unknown
  signature?: unknown
}): Uint8Array {
  const claims = new Map<number, unknown>([
    [6, parts.issuedAt],
    [7, parts.nonce],
  ])
  const header = new Map<number, unknown>([
    [1, -8],
    [4, parts.kid],
    [15, claims],
  ])
  const protectedBytes = change.protectedBytes ?? encode(change.header ?? header, rfc8949EncodeOptions)
  const structure = [
    protectedBytes,
    change.unprotected ?? {},
    "payload" in change ? change.payload : parts.payload,
    change.signature ?? new Uint8Array(64),
  ]
  return encode(structure, rfc8949EncodeOptions)
}

function header(entries: [unknown, unknown][]): Uint8Array {
  return build({ header: new Map(entries) })
}

const claims = (iat: unknown, cti: unknown) =>
  new Map([
    [6, iat],
    [7, cti],
  ])

describe("a signed request", () => {
  test("comes back with its parts and verifies, with either provider", () => {
    const kid = fc.uint8Array({ minLength: 1, maxLength: SENDER_ID_BYTES_MAX })
    const nonce = fc.uint8Array({ minLength: 16, maxLength: 16 })
    const payload = fc.uint8Array({ maxLength: 70_000 })
    fc.assert(
      fc.property(
        kid,
        fc.nat({ max: Number.MAX_SAFE_INTEGER }),
        nonce,
        payload,
        (id, issuedAt, cti, body) => {
          const sent = { kid: id, issuedAt, nonce: cti, payload: body }
          const parsed = parseRequest(signRequest(nativeCrypto, seed, sent, aad))
          expect({ ...parsed }).toMatchObject(sent)
          expect(parsed.verify(nativeCrypto, publicKey, aad)).toBe(true)
          expect(parsed.verify(nativeCrypto, publicKey, externalAad("POST", "/ds/delete-group"))).toBe(false)
        },
      ),
      { numRuns: 60 },
    )
    expect(parseRequest(request).verify(portableCrypto, publicKey, aad)).toBe(true)
    expect(signRequest(portableCrypto, seed, parts, aad)).toEqual(request)
  })

  test("is COSE_Sign1 as an independent decoder reads it, signed as RFC 9052 says", () => {
    const [protectedBytes, unprotected, payload, signature] = decode(request) as [
      Uint8Array,
      object,
      Uint8Array,
      Uint8Array,
    ]
    const decodedHeader = decode(protectedBytes, { useMaps: true }) as Map<number, unknown>
    expect([...decodedHeader.keys()]).toEqual([1, 4, 15])
    expect(decodedHeader.get(1)).toBe(-8)
    expect(decodedHeader.get(4)).toEqual(parts.kid)
    expect(decodedHeader.get(15)).toEqual(claims(parts.issuedAt, parts.nonce))
    expect(unprotected).toEqual({})
    const covered = encode(["Signature1", protectedBytes, aad, payload])
    expect(nativeCrypto.ed25519Verify(publicKey, covered, signature)).toBe(true)
    expect(build({ signature })).toEqual(request)
  })

  test("with any bit changed does not parse or does not verify", () => {
    for (let bit = 0; bit < 8 * request.length; bit++) {
      const changed = request.slice()
      changed[bit >> 3] = changed[bit >> 3]! ^ (1 << (bit & 7))
      let verified: boolean
      try {
        verified = parseRequest(changed).verify(nativeCrypto, publicKey, aad)
      } catch (error) {
        expect(error).toBeInstanceOf(CodecError)
        verified = false
      }
      expect(verified).toBe(false)
    }
  })

  test("truncated, with trailing bytes, or random, is refused", () => {
    for (let length = 0; length < request.length; length++) {
      expect(() => parseRequest(request.subarray(0, length))).toThrow(CodecError)
    }
    expect(() => parseRequest(Uint8Array.of(...request, 0))).toThrow(CodecError)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(() => parseRequest(bytes)).toThrow(CodecError)
      }),
      { numRuns: 200 },
    )
  })

  test("does not verify under another key or a malformed one", () => {
    const parsed = parseRequest(request)
    expect(parsed.verify(nativeCrypto, nativeCrypto.ed25519Public(nativeCrypto.random(32)), aad)).toBe(false)
    expect(parsed.verify(nativeCrypto, publicKey.subarray(1), aad)).toBe(false)
  })

  const { kid, issuedAt, nonce } = parts
  const good: [unknown, unknown][] = [
    [1, -8],
    [4, kid],
    [15, claims(issuedAt, nonce)],
  ]
  const forms: [string, Uint8Array][] = [
    ["tagged", Uint8Array.of(0xd2, ...request)],
    ["with an unprotected header", build({ unprotected: new Map([[4, kid]]) })],
    ["with a detached payload", build({ payload: null })],
    ["with a short signature", build({ signature: new Uint8Array(63) })],
    ["with a long signature", build({ signature: new Uint8Array(65) })],
    ["with an empty protected header", build({ protectedBytes: new Uint8Array(0) })],
    ["with another algorithm", header([[1, -7], ...good.slice(1)])],
    ["without an algorithm", header(good.slice(1))],
    ["without a sender", header([good[0]!, good[2]!])],
    ["with an empty sender", header([good[0]!, [4, new Uint8Array(0)], good[2]!])],
    ["with a sender too long", header([good[0]!, [4, new Uint8Array(SENDER_ID_BYTES_MAX + 1)], good[2]!])],
    ["with a text sender", header([good[0]!, [4, "leaf:3"], good[2]!])],
    ["with a critical header", header([good[0]!, [2, [15]], good[1]!, good[2]!])],
    ["with a text key", header([...good, ["a", 1]])],
    ["with a negative time", header([good[0]!, good[1]!, [15, claims(-1, nonce)]])],
    ["with a fractional time", header([good[0]!, good[1]!, [15, claims(1.5, nonce)]])],
    ["with a short nonce", header([good[0]!, good[1]!, [15, claims(issuedAt, nonce.subarray(1))]])],
    [
      "with one more claim",
      header([good[0]!, good[1]!, [15, new Map([...claims(issuedAt, nonce), [8, 1]])]]),
    ],
    ["whose protected header has trailing bytes", build({ protectedBytes: fromHex(`${protectedHex()}00`) })],
  ]
  for (const [what, bytes] of forms) {
    test(`${what} is refused`, () => {
      expect(() => parseRequest(bytes)).toThrow(CodecError)
    })
  }

  function protectedHex(): string {
    return toHex(encode(new Map(good), rfc8949EncodeOptions))
  }

  test("cannot be made with parts that no server accepts", () => {
    const wrong: Partial<SignedParts>[] = [
      { kid: new Uint8Array(0) },
      { kid: new Uint8Array(SENDER_ID_BYTES_MAX + 1) },
      { issuedAt: -1 },
      { issuedAt: 0.5 },
      { nonce: new Uint8Array(15) },
    ]
    for (const change of wrong) {
      expect(() => signRequest(nativeCrypto, seed, { ...parts, ...change }, aad)).toThrow(CodecError)
    }
  })
})

test("the external data of two operations are never the same", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.nat(5), (method, path, shift) => {
      const joined = method + path
      const other: [string, string] = [joined.slice(0, shift), joined.slice(shift)]
      const same = toHex(externalAad(method, path)) === toHex(externalAad(...other))
      expect(same).toBe(method === other[0] && path === other[1])
    }),
    { numRuns: 200 },
  )
})
