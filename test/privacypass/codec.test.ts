import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { PRIVACY_PASS_BATCH_MAX } from "../../src/limits.ts"
import {
  decodeBatchRequest,
  decodeBatchResponse,
  encodeBatchRequest,
  encodeBatchResponse,
} from "../../src/privacypass/batch.ts"
import {
  challengeDigest,
  decodeTokenChallenge,
  encodeTokenChallenge,
  isForOrigin,
} from "../../src/privacypass/challenge.ts"
import { PendingBatch } from "../../src/privacypass/client.ts"
import { PrivacyPassError } from "../../src/privacypass/error.ts"
import {
  decodeToken,
  encodeToken,
  encodeTokenInput,
  TOKEN_TYPE,
  tokenKeyId,
  truncatedTokenKeyId,
} from "../../src/privacypass/token.ts"
import { concat } from "../../src/wire/bytes.ts"
import { challenge, newKey, order, outcome } from "./world.ts"

const { random } = nativeCrypto
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const name = (minLength: number) =>
  fc.string({ unit: fc.constantFrom(..."abz09.:-, "), minLength, maxLength: 300 })

const challenges = fc.record({
  tokenType: fc.nat(0xffff),
  issuerName: name(1),
  redemptionContext: fc.oneof(bytes(0), bytes(32)),
  originInfo: name(0),
})
const tokens = fc.record({
  tokenType: fc.constant(TOKEN_TYPE),
  nonce: bytes(32),
  challengeDigest: bytes(32),
  tokenKeyId: bytes(32),
  authenticator: bytes(64),
})
const elements = fc.array(bytes(32), { maxLength: 12 })
const requests = fc.record({ truncatedTokenKeyId: fc.nat(255), blinded: elements })
const responses = fc.record({ evaluated: elements, proof: bytes(64) })

interface Codec<T> {
  readonly name: string
  readonly values: fc.Arbitrary<T>
  encode(value: T): Uint8Array
  decode(encoded: Uint8Array): T
}

const codec = <T>(all: Codec<T>): Codec<T> => all

const codecs = [
  codec({
    name: "TokenChallenge",
    values: challenges,
    encode: encodeTokenChallenge,
    decode: decodeTokenChallenge,
  }),
  codec({ name: "Token", values: tokens, encode: encodeToken, decode: decodeToken }),
  codec({
    name: "AmortizedBatchTokenRequest",
    values: requests,
    encode: encodeBatchRequest,
    decode: decodeBatchRequest,
  }),
  codec({
    name: "AmortizedBatchTokenResponse",
    values: responses,
    encode: encodeBatchResponse,
    decode: decodeBatchResponse,
  }),
] as unknown as readonly Codec<unknown>[]

describe("the codecs", () => {
  for (const { name: what, values, encode, decode } of codecs) {
    test(`${what} comes back as it went`, () => {
      fc.assert(fc.property(values, (value) => expect(decode(encode(value))).toEqual(value)))
    })

    test(`${what}: whatever is taken is the one encoding of its value, however it was changed`, () => {
      fc.assert(
        fc.property(values, fc.nat(), fc.nat(255), fc.nat(3), (value, where, byte, cut) => {
          const whole = encode(value)
          const changed = whole.slice(0, whole.length - cut)
          changed[where % changed.length] = byte
          try {
            expect(encode(decode(changed))).toEqual(changed)
          } catch (error) {
            expect(error).toBeInstanceOf(PrivacyPassError)
          }
        }),
        { numRuns: 500 },
      )
    })

    test(`${what}: every cut, trailing bytes and random bytes are refused`, async () => {
      const [value] = fc.sample(values, { numRuns: 1, seed: 5 })
      const whole = encode(value)
      for (let length = 0; length < whole.length; length++) {
        expect(await outcome(() => decode(whole.subarray(0, length)))).not.toBe("done")
      }
      expect(await outcome(() => decode(concat(whole, Uint8Array.of(0))))).toBe("malformed")
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 40 }), (noise) => {
          try {
            expect(encode(decode(noise))).toEqual(noise)
          } catch (error) {
            expect(error).toBeInstanceOf(PrivacyPassError)
          }
        }),
      )
    })
  }

  test("the bytes of a challenge, a token, a request and a response are those of the drafts", () => {
    const of = (value: number, length: number) => new Uint8Array(length).fill(value)
    const context = of(7, 32)
    const named = { tokenType: 5, issuerName: "is", redemptionContext: context, originInfo: "a,b" }
    const expected = Uint8Array.of(0, 5, 0, 2, 0x69, 0x73, 32, ...context, 0, 3, 0x61, 0x2c, 0x62)
    expect(encodeTokenChallenge(named)).toEqual(expected)
    expect(challengeDigest(nativeCrypto, named)).toEqual(nativeCrypto.sha256(expected))

    const token = { tokenType: 5, nonce: of(1, 32), challengeDigest: of(2, 32), tokenKeyId: of(3, 32) }
    const input = Uint8Array.of(0, 5, ...of(1, 32), ...of(2, 32), ...of(3, 32))
    expect(encodeTokenInput(token)).toEqual(input)
    expect(encodeToken({ ...token, authenticator: of(4, 64) })).toEqual(concat(input, of(4, 64)))

    const [one, two] = [of(8, 32), of(9, 32)]
    expect(encodeBatchRequest({ truncatedTokenKeyId: 0xab, blinded: [one, two] })).toEqual(
      Uint8Array.of(0, 5, 0xab, 0x40, 64, ...one, ...two),
    )
    expect(encodeBatchResponse({ evaluated: [one], proof: of(6, 64) })).toEqual(
      Uint8Array.of(32, ...one, ...of(6, 64)),
    )
  })

  test("a key's id is the hash of its public key, and the last byte is its short form", () => {
    const publicKey = random(32)
    const keyId = tokenKeyId(nativeCrypto, publicKey)
    expect(keyId).toEqual(nativeCrypto.sha256(publicKey))
    expect(truncatedTokenKeyId(keyId)).toBe(keyId.at(-1)!)
  })

  test("challenges without issuer, with half a context or with names that are not ASCII are refused both ways", async () => {
    const malformed = [
      { ...challenge, issuerName: "" },
      { ...challenge, issuerName: "a".repeat(0x1_0000) },
      { ...challenge, redemptionContext: random(31) },
      { ...challenge, redemptionContext: random(33) },
      { ...challenge, originInfo: "exämple.org" },
      { ...challenge, originInfo: "a\n" },
    ]
    for (const one of malformed) expect(await outcome(() => encodeTokenChallenge(one))).toBe("malformed")
    const encoded = [
      [0, 5, 0, 0, 0, 0, 0],
      [0, 5, 0, 1, 0x61, 1, 9, 0, 0],
      [0, 5, 0, 1, 0x61, 33, ...random(33), 0, 0],
      [0, 5, 0, 1, 0xff, 0, 0, 0],
      [0, 5, 0, 1, 0x61, 0, 0, 1, 0x0a],
    ]
    for (const one of encoded) {
      expect(await outcome(() => decodeTokenChallenge(Uint8Array.from(one)))).toBe("malformed")
    }
  })

  test("lengths that are not minimal or no multiple of an element are refused", async () => {
    const element = random(32)
    const prefix = [0, 5, 1]
    for (const vector of [
      [0x40, 32, ...element],
      [0x80, 0, 0, 32, ...element],
      [0xc0, 0, 0, 0, 0, 0, 0, 32, ...element],
      [31, ...element.subarray(1)],
      [33, ...element, 0],
    ]) {
      expect(await outcome(() => decodeBatchRequest(Uint8Array.from([...prefix, ...vector])))).toBe(
        "malformed",
      )
      const response = Uint8Array.from([...vector, ...random(64)])
      expect(await outcome(() => decodeBatchResponse(response))).toBe("malformed")
    }
  })

  test("other token types are told apart from what is malformed", async () => {
    const token = concat(Uint8Array.of(0, 1), random(96 + 48))
    expect(await outcome(() => decodeToken(token))).toBe("token-type")
    expect(await outcome(() => decodeBatchRequest(concat(Uint8Array.of(0, 1, 9, 49), random(49))))).toBe(
      "token-type",
    )
  })

  test("a client answers challenges for its origin, for lists with it and for all, in any case of letters", () => {
    const origins = (originInfo: string) => isForOrigin({ ...challenge, originInfo }, "Example.org")
    expect(["", "example.org", "a.org,EXAMPLE.ORG"].map(origins)).toEqual([true, true, true])
    expect(["xexample.org", "example.org:8443", "a.org, example.org"].map(origins)).toEqual([
      false,
      false,
      false,
    ])
  })
})

describe("a pending batch's state", () => {
  test("comes back with the same request, whole, and nothing else is taken for one", async () => {
    const pending = order(newKey(), 3)
    const state = pending.serialize()
    const restored = PendingBatch.restore(nativeCrypto, state)
    expect(restored.request).toEqual(pending.request)
    expect(restored.keyId).toEqual(pending.keyId)
    expect(restored.serialize()).toEqual(state)
    for (let length = 0; length < state.length; length++) {
      expect(await outcome(() => PendingBatch.restore(nativeCrypto, state.subarray(0, length)))).toBe(
        "malformed",
      )
    }
    const version = state.slice()
    version[0]! += 1
    expect(await outcome(() => PendingBatch.restore(nativeCrypto, version))).toBe("malformed")
    const empty = Uint8Array.of(...state.subarray(0, 65), 0)
    expect(await outcome(() => PendingBatch.restore(nativeCrypto, empty))).toBe("batch-size")
    const one = state.subarray(67, 67 + 96)
    const large = concat(
      state.subarray(0, 65),
      Uint8Array.of(0x65, 0xe0),
      ...new Array<Uint8Array>(101).fill(one),
    )
    expect(large.length - 67).toBe(0x25e0)
    expect(PRIVACY_PASS_BATCH_MAX).toBe(100)
    expect(await outcome(() => PendingBatch.restore(nativeCrypto, large))).toBe("batch-size")
  })
})
