import { expect, test } from "bun:test"
import fc from "fast-check"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { portableCrypto } from "../../src/crypto/portable.ts"
import { CryptoError } from "../../src/crypto/provider.ts"
import { PUSH_ENDPOINT_BYTES_MAX } from "../../src/limits.ts"
import { openPushToken, PUSH_TOKEN_BYTES, sealPushToken } from "../../src/wire/push-token.ts"
import { CodecError } from "../../src/wire/tls.ts"

const key = crypto.random(32)

test("what a client seals in its browser the server opens, and every token has one length", () => {
  const endpoints = fc.uint8Array({ maxLength: PUSH_ENDPOINT_BYTES_MAX })
  fc.assert(
    fc.property(endpoints, (endpoint) => {
      const token = sealPushToken(portableCrypto, key, endpoint)
      expect(token.length).toBe(PUSH_TOKEN_BYTES)
      expect(openPushToken(crypto, key, token)).toEqual(endpoint)
    }),
    { examples: [[new Uint8Array(PUSH_ENDPOINT_BYTES_MAX)], [new Uint8Array(0)]], numRuns: 30 },
  )
  const long = new Uint8Array(PUSH_ENDPOINT_BYTES_MAX + 1)
  expect(() => sealPushToken(crypto, key, long)).toThrow(CodecError)
})

test("a token that is damaged anywhere, or sealed with another key, does not open", () => {
  const token = sealPushToken(crypto, key, crypto.random(100))
  fc.assert(
    fc.property(fc.nat(token.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const damaged = token.slice()
      damaged[at]! ^= flip
      expect(() => openPushToken(crypto, key, damaged)).toThrow(CryptoError)
      expect(() => openPushToken(crypto, key, token.subarray(0, at))).toThrow(CryptoError)
    }),
  )
  expect(() => openPushToken(crypto, crypto.random(32), token)).toThrow(CryptoError)
})
