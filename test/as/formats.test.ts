import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { decodeAliasPackage, encodeAliasPackage } from "../../src/wire/alias-package.ts"
import { decodeConnectionPackage, encodeConnectionPackage } from "../../src/wire/connection.ts"
import {
  CLIENT_CREDENTIAL_BYTES_MAX,
  decodeAsCredential,
  decodeIssuedCredential,
  decodeSigningRequest,
  encodeAsCredential,
  encodeIssuedCredential,
  encodeSigningRequest,
  subjectBytes,
} from "../../src/wire/credential-format.ts"
import { decodeEndorsement, encodeEndorsement } from "../../src/wire/endorsement.ts"
import { decodeFriendshipPackage, encodeFriendshipPackage } from "../../src/wire/friendship.ts"
import { CodecError } from "../../src/wire/tls.ts"
import { formatUserId, makeClientId, parseUserId, userOfClient } from "../../src/wire/user-id.ts"

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const domain = fc.oneof(
  fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,60}[a-z0-9])?$/),
  fc.constantFrom("a".repeat(253), "localhost", "127.0.0.1"),
)
const expiration = fc
  .tuple(fc.maxSafeNat(), fc.maxSafeNat())
  .map(([a, b]) => ({ notBefore: Math.min(a, b), notAfter: Math.max(a, b) }))
const shortLived = fc
  .tuple(fc.integer({ min: 0, max: 2 ** 40 }), fc.integer({ min: 0, max: 90 * 86_400 }))
  .map(([notBefore, seconds]) => ({ notBefore, notAfter: notBefore + seconds }))
const request = (kind: keyof typeof subjectBytes) =>
  fc.record({
    subject: bytes(subjectBytes[kind]),
    domain,
    publicKey: bytes(32),
    selfSignature: bytes(64),
  })
const issued = (kind: keyof typeof subjectBytes) =>
  fc.record({ request: request(kind), expiration, signerFingerprint: bytes(32), signature: bytes(64) })

interface Format<T> {
  readonly name: string
  readonly values: fc.Arbitrary<T>
  readonly encode: (value: T) => Uint8Array
  readonly decode: (bytes: Uint8Array) => T
}

function format<T>(
  name: string,
  values: fc.Arbitrary<T>,
  encode: (value: T) => Uint8Array,
  decode: (bytes: Uint8Array) => T,
): Format<unknown> {
  return { name, values, encode, decode } as unknown as Format<unknown>
}

const formats = [
  format(
    "AsCredential",
    fc.record({ domain, publicKey: bytes(32), expiration, signature: bytes(64) }),
    encodeAsCredential,
    decodeAsCredential,
  ),
  ...(["intermediate", "client"] as const).flatMap((kind) => [
    format(`${kind} SigningRequest`, request(kind), encodeSigningRequest, (input) =>
      decodeSigningRequest(kind, input),
    ),
    format(`${kind} Credential`, issued(kind), encodeIssuedCredential, (input) =>
      decodeIssuedCredential(kind, input),
    ),
  ]),
  format(
    "AsEndorsement",
    fc.record({ signer: bytes(32), subject: bytes(32), signature: bytes(64) }),
    encodeEndorsement,
    decodeEndorsement,
  ),
  format(
    "ConnectionPackage",
    fc.record({
      encryptionKey: bytes(32),
      expiration,
      clientCredential: fc.uint8Array({ maxLength: CLIENT_CREDENTIAL_BYTES_MAX }),
      signature: bytes(64),
    }),
    encodeConnectionPackage,
    decodeConnectionPackage,
  ),
  format(
    "AliasConnectionPackage",
    fc.record({ encryptionKey: bytes(32), expiration: shortLived, authKey: bytes(32), signature: bytes(64) }),
    encodeAliasPackage,
    decodeAliasPackage,
  ),
  format(
    "FriendshipPackage",
    fc.record({ token: bytes(32), encryptionKey: bytes(32), profileKey: bytes(32) }),
    encodeFriendshipPackage,
    decodeFriendshipPackage,
  ),
]

for (const { name, values, encode, decode } of formats) {
  describe(name, () => {
    test("decodes to what was encoded", () => {
      fc.assert(
        fc.property(values, (value) => expect(decode(encode(value))).toEqual(value)),
        { numRuns: 100 },
      )
    })

    test("is refused when truncated or followed by anything", () => {
      fc.assert(
        fc.property(values, fc.nat(), bytes(1), (value, cut, more) => {
          const encoded = encode(value)
          expect(() => decode(encoded.subarray(0, cut % encoded.length))).toThrow(CodecError)
          expect(() => decode(Uint8Array.of(...encoded, ...more))).toThrow(CodecError)
        }),
        { numRuns: 100 },
      )
    })

    test("changed or arbitrary bytes are refused or are the encoding of something else", () => {
      const refusedOrCanonical = (input: Uint8Array) => {
        try {
          expect(encode(decode(input))).toEqual(input)
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError)
        }
      }
      fc.assert(
        fc.property(values, fc.nat(), fc.integer({ min: 0, max: 255 }), (value, at, byte) => {
          const encoded = encode(value)
          encoded[at % encoded.length] = byte
          refusedOrCanonical(encoded)
        }),
        { numRuns: 200 },
      )
      fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), refusedOrCanonical), { numRuns: 100 })
    })

    test("is refused with another version", () => {
      const [value] = fc.sample(values, 1)
      const encoded = encode(value)
      encoded[0] = 2
      expect(() => decode(encoded)).toThrow(CodecError)
    })
  })
}

describe("user ids", () => {
  test("read back from their text form", () => {
    fc.assert(
      fc.property(bytes(16), domain, (user, at) => {
        expect(parseUserId(formatUserId(user, at))).toEqual({ user, domain: at })
      }),
    )
  })

  test("have one text form only", () => {
    const uuid = "01234567-89ab-cdef-0123-456789abcdef"
    expect(parseUserId(`${uuid}@example.org`).domain).toBe("example.org")
    const others = [
      "",
      "@",
      uuid,
      `${uuid}@`,
      `${uuid.toUpperCase()}@example.org`,
      `${uuid}@Example.org`,
      `${uuid}@example.org@example.org`,
      `${uuid}@-example.org`,
      `${uuid}@example.org `,
      `${uuid}@${"a".repeat(254)}`,
      `${uuid.replaceAll("-", "")}@example.org`,
      `${uuid}0@example.org`,
    ]
    for (const text of others) expect(() => parseUserId(text)).toThrow(CodecError)
  })

  test("are the first half of a client id", () => {
    fc.assert(
      fc.property(bytes(16), bytes(16), (user, client) => {
        expect(userOfClient(makeClientId(user, client))).toEqual(user)
      }),
    )
    expect(() => makeClientId(new Uint8Array(15), new Uint8Array(17))).toThrow(CodecError)
    expect(() => userOfClient(new Uint8Array(16))).toThrow(CodecError)
  })
})
