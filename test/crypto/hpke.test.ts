import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import * as hpke from "../../src/crypto/hpke.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { portableCrypto } from "../../src/crypto/portable.ts"
import { CryptoError } from "../../src/crypto/provider.ts"
import { utf8 } from "../../src/wire/bytes.ts"

const info = utf8("Cinder 1 test")
const aad = utf8("associated")
const small = fc.uint8Array({ maxLength: 200 })

describe("HPKE", () => {
  test("what one provider seals the other opens, and the length tells only the plaintext's", () => {
    fc.assert(
      fc.property(small, small, small, (anyInfo, anyAad, plaintext) => {
        const { secretKey, publicKey } = hpke.deriveKeyPair(nativeCrypto, nativeCrypto.random(32))
        const sealed = hpke.seal(nativeCrypto, publicKey, anyInfo, anyAad, plaintext)
        expect(sealed.length).toBe(plaintext.length + hpke.HPKE_OVERHEAD_BYTES)
        expect(hpke.open(portableCrypto, secretKey, anyInfo, anyAad, sealed)).toEqual(plaintext)
        const back = hpke.seal(portableCrypto, publicKey, anyInfo, anyAad, plaintext)
        expect(hpke.open(nativeCrypto, secretKey, anyInfo, anyAad, back)).toEqual(plaintext)
      }),
      { numRuns: 20 },
    )
  })

  test("sealing the same twice gives unrelated results", () => {
    const { publicKey } = hpke.deriveKeyPair(nativeCrypto, nativeCrypto.random(32))
    const once = hpke.seal(nativeCrypto, publicKey, info, aad, aad)
    const twice = hpke.seal(nativeCrypto, publicKey, info, aad, aad)
    expect(once.subarray(0, 32)).not.toEqual(twice.subarray(0, 32))
    expect(once.subarray(32)).not.toEqual(twice.subarray(32))
  })

  test("both AEADs export the same secret to sender and receiver, bound to context and length", () => {
    for (const keyLength of [16, 32] as const) {
      const { secretKey, publicKey } = hpke.deriveKeyPair(nativeCrypto, nativeCrypto.random(32))
      const { enc, secret } = hpke.exportBaseSender(nativeCrypto, keyLength, publicKey, info, aad, 32)
      expect(hpke.exportBaseReceiver(portableCrypto, keyLength, secretKey, enc, info, aad, 32)).toEqual(
        secret,
      )
      expect(hpke.exportBaseReceiver(nativeCrypto, keyLength, secretKey, enc, info, info, 32)).not.toEqual(
        secret,
      )
      expect(hpke.exportBaseReceiver(nativeCrypto, keyLength, secretKey, enc, aad, aad, 32)).not.toEqual(
        secret,
      )
    }
  })

  for (const crypto of [nativeCrypto, portableCrypto]) {
    test(`${crypto.name}: another key, info, associated data, AEAD or any changed bit does not open`, () => {
      const { secretKey, publicKey } = hpke.deriveKeyPair(crypto, crypto.random(32))
      const sealed = hpke.seal(crypto, publicKey, info, aad, utf8("hi"))
      const other = hpke.deriveKeyPair(crypto, crypto.random(32)).secretKey
      expect(() => hpke.open(crypto, other, info, aad, sealed)).toThrow(CryptoError)
      expect(() => hpke.open(crypto, secretKey, aad, aad, sealed)).toThrow(CryptoError)
      expect(() => hpke.open(crypto, secretKey, info, info, sealed)).toThrow(CryptoError)
      const [enc, ciphertext] = [sealed.subarray(0, 32), sealed.subarray(32)]
      expect(() => hpke.openBase(crypto, 16, secretKey, enc, info, aad, ciphertext)).toThrow(CryptoError)
      for (let at = 0; at < sealed.length; at++) {
        const changed = sealed.slice()
        changed[at] = changed[at]! ^ 1
        expect(() => hpke.open(crypto, secretKey, info, aad, changed)).toThrow(CryptoError)
      }
    })

    test(`${crypto.name}: truncated input and unusable keys are refused with the one error`, () => {
      const { secretKey, publicKey } = hpke.deriveKeyPair(crypto, crypto.random(32))
      const sealed = hpke.seal(crypto, publicKey, info, aad, new Uint8Array(0))
      for (let length = 0; length < sealed.length; length++) {
        expect(() => hpke.open(crypto, secretKey, info, aad, sealed.subarray(0, length))).toThrow(CryptoError)
      }
      const zeroPoint = new Uint8Array(32)
      expect(() => hpke.seal(crypto, zeroPoint, info, aad, aad)).toThrow(CryptoError)
      expect(() => hpke.seal(crypto, publicKey.subarray(1), info, aad, aad)).toThrow(CryptoError)
      expect(() => hpke.open(crypto, secretKey, info, aad, new Uint8Array(80))).toThrow(CryptoError)
    })
  }
})
