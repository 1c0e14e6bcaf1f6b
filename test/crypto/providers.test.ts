import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { nativeCrypto, nativeSigner } from "../../src/crypto/native.ts"
import { portableCrypto } from "../../src/crypto/portable.ts"
import { CryptoError, type CryptoProvider } from "../../src/crypto/provider.ts"

const bytes = (maxLength: number) => fc.uint8Array({ maxLength })
const fixed = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const aeadKey = fc.oneof(fixed(16), fixed(32))
const RUNS = { numRuns: 100 }
const FEW_RUNS = { numRuns: 20 }
const pairs: readonly [CryptoProvider, CryptoProvider][] = [
  [nativeCrypto, portableCrypto],
  [portableCrypto, nativeCrypto],
]

/** What the place of a tag holds before, which does not matter. */
const bytesOfTag = new Uint8Array(16).fill(7)

describe("the native and the portable provider agree", () => {
  test("on hashes, MACs and key derivation", () => {
    fc.assert(
      fc.property(
        bytes(300),
        bytes(300),
        fixed(32),
        fc.integer({ min: 0, max: 200 }),
        (a, b, key, length) => {
          expect(nativeCrypto.sha256(a)).toEqual(portableCrypto.sha256(a))
          expect(nativeCrypto.hmacSha256(a, b)).toEqual(portableCrypto.hmacSha256(a, b))
          expect(nativeCrypto.hkdfExtract(a, b)).toEqual(portableCrypto.hkdfExtract(a, b))
          expect(nativeCrypto.hkdfExpand(key, b, length)).toEqual(portableCrypto.hkdfExpand(key, b, length))
        },
      ),
      RUNS,
    )
  })

  test("on what AES-GCM seals, and each opens the other's", () => {
    fc.assert(
      fc.property(aeadKey, fixed(12), bytes(100), bytes(2000), (key, nonce, aad, plaintext) => {
        for (const [one, other] of pairs) {
          const sealed = one.aesGcmSeal(key, nonce, aad, plaintext)
          expect(sealed.length).toBe(plaintext.length + 16)
          expect(other.aesGcmOpen(key, nonce, aad, sealed)).toEqual(plaintext)
        }
        const sealed = portableCrypto.aesGcmSeal(key, nonce, aad, plaintext)
        expect(nativeCrypto.aesGcmSeal(key, nonce, aad, plaintext)).toEqual(sealed)
        for (const crypto of [nativeCrypto, portableCrypto]) {
          const buffer = Uint8Array.of(...plaintext, ...bytesOfTag)
          crypto.aesGcmSealInPlace(key, nonce, aad, buffer)
          expect(buffer).toEqual(Uint8Array.from(sealed))
        }
      }),
      RUNS,
    )
  })

  test("on what AES-GCM seals of more than it seals at once", () => {
    const [key, nonce, aad] = [nativeCrypto.random(32), nativeCrypto.random(12), nativeCrypto.random(7)]
    const plaintext = nativeCrypto.random(600_000)
    const sealed = nativeCrypto.aesGcmSeal(key, nonce, aad, plaintext)
    const buffer = Uint8Array.of(...plaintext, ...bytesOfTag)
    nativeCrypto.aesGcmSealInPlace(key, nonce, aad, buffer)
    expect(Buffer.compare(buffer, sealed)).toBe(0)
    expect(Buffer.compare(portableCrypto.aesGcmOpen(key, nonce, aad, sealed), plaintext)).toBe(0)
  })

  test("on X25519 public keys and shared secrets, public keys that are no point included", () => {
    fc.assert(
      fc.property(fixed(32), fixed(32), (secret, peer) => {
        expect(nativeCrypto.x25519Public(secret)).toEqual(portableCrypto.x25519Public(secret))
        expect(nativeCrypto.x25519(secret, peer)).toEqual(portableCrypto.x25519(secret, peer))
      }),
      FEW_RUNS,
    )
  })

  test("on Ed25519 keys and signatures, and each verifies the other's", () => {
    fc.assert(
      fc.property(fixed(32), bytes(300), (seed, message) => {
        const publicKey = nativeCrypto.ed25519Public(seed)
        const signature = nativeCrypto.ed25519Sign(seed, message)
        expect(portableCrypto.ed25519Public(seed)).toEqual(publicKey)
        expect(portableCrypto.ed25519Sign(seed, message)).toEqual(signature)
        for (const crypto of [nativeCrypto, portableCrypto]) {
          expect(crypto.ed25519Verify(publicKey, message, signature)).toBe(true)
          expect(crypto.ed25519Verify(publicKey, Uint8Array.of(...message, 0), signature)).toBe(false)
        }
      }),
      FEW_RUNS,
    )
  })
})

for (const crypto of [nativeCrypto, portableCrypto]) {
  describe(`${crypto.name} provider`, () => {
    const key = crypto.random(32)
    const nonce = new Uint8Array(12)
    const empty = new Uint8Array(0)

    test("gives random bytes of any length, beyond one call of the system's generator too", () => {
      expect(crypto.random(0).length).toBe(0)
      const many = crypto.random(200_001)
      expect(many.length).toBe(200_001)
      expect(many.subarray(-64)).not.toEqual(new Uint8Array(64))
      expect(crypto.random(32)).not.toEqual(crypto.random(32))
    })

    test("refuses a changed ciphertext, tag, nonce or associated data", () => {
      const sealed = crypto.aesGcmSeal(key, nonce, Uint8Array.of(1, 2), Uint8Array.of(3, 4, 5))
      for (let at = 0; at < sealed.length; at++) {
        const changed = sealed.slice()
        changed[at] = changed[at]! ^ 0x10
        expect(() => crypto.aesGcmOpen(key, nonce, Uint8Array.of(1, 2), changed)).toThrow(CryptoError)
      }
      expect(() => crypto.aesGcmOpen(key, nonce, Uint8Array.of(1, 3), sealed)).toThrow(CryptoError)
      expect(() => crypto.aesGcmOpen(key, new Uint8Array(12).fill(1), Uint8Array.of(1, 2), sealed)).toThrow(
        CryptoError,
      )
      expect(() => crypto.aesGcmOpen(crypto.random(32), nonce, Uint8Array.of(1, 2), sealed)).toThrow(
        CryptoError,
      )
    })

    test("refuses every other length of key, nonce and ciphertext with its own error", () => {
      for (const length of [0, 1, 15, 17, 24, 31, 33, 64]) {
        expect(() => crypto.aesGcmSeal(new Uint8Array(length), nonce, empty, empty)).toThrow(CryptoError)
        expect(() => crypto.aesGcmOpen(new Uint8Array(length), nonce, empty, new Uint8Array(16))).toThrow(
          CryptoError,
        )
      }
      for (const length of [0, 1, 11, 13, 16]) {
        expect(() => crypto.aesGcmSeal(key, new Uint8Array(length), empty, empty)).toThrow(CryptoError)
        expect(() => crypto.aesGcmOpen(key, new Uint8Array(length), empty, new Uint8Array(16))).toThrow(
          CryptoError,
        )
      }
      for (let length = 0; length < 16; length++) {
        expect(() => crypto.aesGcmOpen(key, nonce, empty, new Uint8Array(length))).toThrow(CryptoError)
      }
      for (const length of [0, 31, 33]) {
        const wrong = new Uint8Array(length).fill(1)
        expect(() => crypto.x25519Public(wrong)).toThrow(CryptoError)
        expect(() => crypto.x25519(wrong, key)).toThrow(CryptoError)
        expect(() => crypto.x25519(key, wrong)).toThrow(CryptoError)
        expect(() => crypto.ed25519Public(wrong)).toThrow(CryptoError)
        expect(() => crypto.ed25519Sign(wrong, empty)).toThrow(CryptoError)
      }
      for (const length of [-1, 0.5, Number.NaN, 8161]) {
        expect(() => crypto.hkdfExpand(key, empty, length)).toThrow(CryptoError)
      }
      expect(crypto.hkdfExpand(key, empty, 8160).length).toBe(8160)
      for (const length of [0, 16, 31]) {
        expect(() => crypto.hkdfExpand(new Uint8Array(length), empty, 32)).toThrow(CryptoError)
      }
    })

    test("refuses an all-zero X25519 secret", () => {
      for (const first of [0, 1]) {
        const lowOrder = new Uint8Array(32)
        lowOrder[0] = first
        expect(() => crypto.x25519(key, lowOrder)).toThrow(CryptoError)
      }
    })

    test("returns plain byte arrays whose slices are copies", () => {
      const results = [
        crypto.sha256(key),
        crypto.hmacSha256(key, key),
        crypto.hkdfExpand(key, empty, 32),
        crypto.aesGcmOpen(key, nonce, empty, crypto.aesGcmSeal(key, nonce, empty, key)),
        crypto.x25519Public(key),
        crypto.x25519(key, crypto.x25519Public(crypto.random(32))),
        crypto.ed25519Public(key),
        crypto.ed25519Sign(key, empty),
      ]
      for (const result of results) {
        expect(Object.getPrototypeOf(result)).toBe(Uint8Array.prototype)
        const copy = result.slice()
        result.fill(0)
        expect(copy).not.toEqual(result)
      }
    })

    test("leaves its inputs unchanged", () => {
      const inputs = [crypto.random(32), crypto.random(12), crypto.random(40), crypto.random(100)] as const
      const before = inputs.map((input) => input.slice())
      const [secret, iv, aad, message] = inputs
      crypto.aesGcmOpen(secret, iv, aad, crypto.aesGcmSeal(secret, iv, aad, message))
      crypto.x25519(secret, crypto.x25519Public(secret))
      crypto.ed25519Verify(crypto.ed25519Public(secret), message, crypto.ed25519Sign(secret, message))
      crypto.hkdfExpand(crypto.hkdfExtract(secret, message), aad, 64)
      expect([...inputs]).toEqual(before)
    })
  })
}

test("a native signer signs like the provider until it is wiped", () => {
  const seed = nativeCrypto.random(32)
  const signer = nativeSigner(seed)
  const message = nativeCrypto.random(50)
  expect(signer.publicKey).toEqual(nativeCrypto.ed25519Public(seed))
  expect(signer.sign(message)).toEqual(nativeCrypto.ed25519Sign(seed, message))
  signer.wipe()
  expect(() => signer.sign(message)).toThrow(CryptoError)
})
