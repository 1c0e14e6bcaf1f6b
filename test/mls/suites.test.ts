import { describe, expect, test } from "bun:test"
import { p256 } from "@noble/curves/nist.js"
import fc from "fast-check"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { portableCrypto } from "../../src/crypto/portable.ts"
import { CryptoError } from "../../src/crypto/provider.ts"
import { MlsError } from "../../src/mls/error.ts"
import { verifyKeyPackage } from "../../src/mls/group/key-package.ts"
import { observeCreation } from "../../src/mls/observer/creation.ts"
import { rules } from "../../src/mls/rules.ts"
import type { CipherSuite } from "../../src/mls/suite.ts"
import { suite1 } from "../../src/mls/suites/suite1.ts"
import { suite2 } from "../../src/mls/suites/suite2.ts"
import { suite3 } from "../../src/mls/suites/suite3.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import { lifetime, NOW, newGroup, newKeyPackage } from "./member-fixtures.ts"

const NONE = new Uint8Array(0)
const INFO = utf8("info")
const makers = [suite1, suite2, suite3]

function flippedAt(bytes: Uint8Array, at: number): Uint8Array {
  const changed = bytes.slice()
  changed[at] = (changed[at] as number) ^ 1
  return changed
}

/** What one end seals the other opens, whichever primitives each has. */
const ends = makers.flatMap((make) => {
  const [native, portable] = [make(nativeCrypto), make(portableCrypto)]
  return [
    [native, portable],
    [portable, native],
  ] as const
})

function checkHpke(sender: CipherSuite, receiver: CipherSuite, ikm: Uint8Array, text: Uint8Array): void {
  const { secretKey, publicKey } = sender.hpkeDeriveKeyPair(ikm)
  expect(receiver.hpkeDeriveKeyPair(ikm)).toEqual({ secretKey, publicKey })
  expect(receiver.hpkePublic(secretKey)).toEqual(publicKey)
  expect(sender.isHpkePublicKey(publicKey)).toBe(true)
  const sealed = sender.hpkeSeal(publicKey, INFO, text)
  expect(receiver.hpkeOpen(secretKey, INFO, sealed)).toEqual(text)
  expect(() => receiver.hpkeOpen(secretKey, NONE, sealed)).toThrow(CryptoError)
  const { kemOutput, secret } = sender.hpkeExportSender(publicKey, INFO, text, 40)
  expect(receiver.hpkeExportReceiver(secretKey, kemOutput, INFO, text, 40)).toEqual(secret)
}

describe("a cipher suite", () => {
  test("is the same object for the same primitives", () => {
    for (const make of makers) expect(make(nativeCrypto)).toBe(make(nativeCrypto))
  })

  test("opens and exports what the other end sealed, over either set of primitives", () => {
    const ikm = fc.uint8Array({ minLength: 32, maxLength: 32 })
    for (const [sender, receiver] of ends) {
      fc.assert(
        fc.property(ikm, fc.uint8Array({ maxLength: 200 }), (key, text) =>
          checkHpke(sender, receiver, key, text),
        ),
        { numRuns: 10 },
      )
    }
  })

  test("refuses every changed byte of what was sealed", () => {
    for (const [suite] of ends) {
      const { secretKey, publicKey } = suite.hpkeDeriveKeyPair(new Uint8Array(32).fill(1))
      const { kemOutput, ciphertext } = suite.hpkeSeal(publicKey, INFO, utf8("text"))
      for (const [at] of ciphertext.entries()) {
        const changed = { kemOutput, ciphertext: flippedAt(ciphertext, at) }
        expect(() => suite.hpkeOpen(secretKey, INFO, changed)).toThrow(CryptoError)
      }
      for (const at of [0, 1, kemOutput.length - 2]) {
        const changed = { kemOutput: flippedAt(kemOutput, at), ciphertext }
        expect(() => suite.hpkeOpen(secretKey, INFO, changed)).toThrow(CryptoError)
      }
    }
  })

  test("signs what the other end verifies, and nothing else", () => {
    for (const [signer, verifier] of ends) {
      const secretKey = signer.generateSignatureSecret()
      const publicKey = verifier.signaturePublic(secretKey)
      const message = utf8("message")
      const signature = signer.sign(secretKey, message)
      expect(verifier.isSignaturePublicKey(publicKey)).toBe(true)
      expect(verifier.verify(publicKey, message, signature)).toBe(true)
      expect(verifier.verify(publicKey, utf8("messagf"), signature)).toBe(false)
      for (const [at] of signature.entries()) {
        expect(verifier.verify(publicKey, message, flippedAt(signature, at))).toBe(false)
      }
      for (const malformed of [NONE, publicKey.subarray(1), new Uint8Array(65)]) {
        expect(verifier.verify(malformed, message, signature)).toBe(false)
        expect(verifier.verify(publicKey, message, malformed)).toBe(false)
        expect(verifier.isSignaturePublicKey(malformed)).toBe(false)
      }
    }
  })

  test("answers unusable keys, nonces and ciphertexts by CryptoError alone", () => {
    for (const [suite] of ends) {
      const key = new Uint8Array(suite.aeadKeyBytes)
      const nonce = new Uint8Array(12)
      const wrong = [
        () => suite.hpkeSeal(new Uint8Array(31), INFO, NONE),
        () => suite.hpkeSeal(new Uint8Array(65), INFO, NONE),
        () => suite.hpkePublic(new Uint8Array(31)),
        () => suite.aeadSeal(key.subarray(1), nonce, NONE, NONE),
        () => suite.aeadOpen(key, nonce.subarray(1), NONE, new Uint8Array(16)),
        () => suite.aeadOpen(key, nonce, NONE, new Uint8Array(15)),
        () => suite.aeadOpen(key, nonce, NONE, new Uint8Array(16)),
      ]
      for (const work of wrong) expect(work).toThrow(CryptoError)
    }
  })
})

describe("suite 2", () => {
  const suite = suite2(nativeCrypto)
  const secretKey = new Uint8Array(32).fill(5)
  const message = utf8("message")

  test("takes points of the curve alone, and only uncompressed", () => {
    const point = suite.hpkePublic(secretKey)
    const compressed = p256.getPublicKey(secretKey, true)
    for (const bytes of [compressed, flippedAt(point, 64), point.subarray(0, 64), Uint8Array.of(0), NONE]) {
      expect(suite.isHpkePublicKey(bytes)).toBe(false)
      expect(suite.isSignaturePublicKey(bytes)).toBe(false)
      expect(() => suite.hpkeSeal(bytes, INFO, NONE)).toThrow(CryptoError)
      expect(suite.verify(bytes, message, suite.sign(secretKey, message))).toBe(false)
    }
  })

  test("takes signatures in DER alone, both halves of S, and no secret key that is not one", () => {
    const publicKey = suite.signaturePublic(secretKey)
    const parsed = p256.Signature.fromBytes(suite.sign(secretKey, message), "der")
    const high = new p256.Signature(parsed.r, p256.Point.Fn.ORDER - parsed.s)
    expect(suite.verify(publicKey, message, parsed.toBytes("der"))).toBe(true)
    expect(suite.verify(publicKey, message, high.toBytes("der"))).toBe(true)
    expect(suite.verify(publicKey, message, parsed.toBytes("compact"))).toBe(false)
    const trailing = new Uint8Array([...parsed.toBytes("der"), 0])
    expect(suite.verify(publicKey, message, trailing)).toBe(false)
    for (const bytes of [new Uint8Array(32), new Uint8Array(32).fill(255), new Uint8Array(31)]) {
      expect(() => suite.sign(bytes, message)).toThrow(CryptoError)
    }
  })
})

describe("an observer of suite 1", () => {
  const observer = suite1(nativeCrypto)

  for (const make of [suite2, suite3]) {
    const other = make(nativeCrypto)

    test(`refuses valid groups and KeyPackages of suite ${other.id} by a rule`, () => {
      const creator = newGroup("creator", utf8("group"), other)
      const group = [creator.encodedGroupInfo(), creator.tree.encode()] as const
      expect(observeCreation(other, ...group, NOW).state.context.cipherSuite).toBe(other.id)
      expect(() => observeCreation(observer, ...group, NOW)).toThrow(MlsError)
      const { keyPackage } = newKeyPackage("joiner", lifetime, other)
      expect(verifyKeyPackage(other, keyPackage, NOW).cipherSuite).toBe(other.id)
      expect(() => verifyKeyPackage(observer, keyPackage, NOW)).toThrow(rules.keyPackageSuite.text)
    })
  }
})
