import { describe, expect, test } from "bun:test"
import { ed25519 } from "@noble/curves/ed25519.js"
import { sha512 } from "@noble/hashes/sha2.js"
import { isStrictPointEncoding } from "../../src/crypto/ed25519.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { portableCrypto } from "../../src/crypto/portable.ts"
import { concat, fromHex, utf8 } from "../../src/wire/bytes.ts"

/** Signatures that lax verifiers accept, or about which verifiers disagree. */

const { Point } = ed25519
type Point = InstanceType<typeof Point>
const PRIME = 2n ** 255n - 19n
const PROVIDERS = [nativeCrypto, portableCrypto]
const message = utf8("a message")

function littleEndian(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32)
  for (let i = 0; i < 32; i++) bytes[i] = Number((value >> BigInt(8 * i)) & 0xffn)
  return bytes
}

function toNumber(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

const generator = Point.fromBytes(fromHex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"))
const torsion: Point[] = [Point.ZERO]
for (let i = 1; i < 8; i++) torsion.push(torsion[i - 1]!.add(generator))

function challenge(r: Uint8Array, a: Uint8Array): bigint {
  return Point.Fn.create(toNumber(sha512(concat(r, a, message))))
}

/** A signature over `message` whose public key and R carry the given torsion; valid for cofactored verifiers. */
function craft(
  nonce: bigint,
  keyTorsion: Point,
  rTorsion: Point,
): { a: Uint8Array; signature: Uint8Array; k: bigint } {
  const secret = 0x1234_5678_9abc_def0n
  const a = Point.BASE.multiply(secret).add(keyTorsion).toBytes()
  const r = Point.BASE.multiply(nonce).add(rTorsion).toBytes()
  const k = challenge(r, a)
  return { a, k, signature: concat(r, littleEndian(Point.Fn.create(nonce + k * secret))) }
}

describe("strict Ed25519", () => {
  test("there are eight points of small order, and none is accepted in any encoding", () => {
    expect(new Set(torsion.map((point) => point.toHex())).size).toBe(8)
    for (const point of torsion) {
      const y = toNumber(point.toBytes()) & (2n ** 255n - 1n)
      for (const form of [y, y + PRIME].filter((value) => value < 2n ** 255n)) {
        for (const sign of [0n, 1n << 255n])
          expect(isStrictPointEncoding(littleEndian(form | sign))).toBe(false)
      }
    }
  })

  test("a coordinate is canonical below the prime and not from it on", () => {
    expect(isStrictPointEncoding(littleEndian(PRIME - 2n))).toBe(true)
    expect(isStrictPointEncoding(littleEndian(2n))).toBe(true)
    for (let y = PRIME; y < 2n ** 255n; y++) {
      expect(isStrictPointEncoding(littleEndian(y))).toBe(false)
      expect(isStrictPointEncoding(littleEndian(y | (1n << 255n)))).toBe(false)
    }
  })

  for (const crypto of PROVIDERS) {
    test(`${crypto.name}: a public key or R of small order is refused though the equation holds`, () => {
      const zero = new Uint8Array(32)
      for (const key of torsion) {
        const a = key.toBytes()
        for (const r of torsion)
          expect(crypto.ed25519Verify(a, message, concat(r.toBytes(), zero))).toBe(false)
      }
      const secret = 77n
      const a = Point.BASE.multiply(secret).toBytes()
      for (const point of torsion) {
        const r = point.toBytes()
        const s = Point.Fn.create(challenge(r, a) * secret)
        expect(crypto.ed25519Verify(a, message, concat(r, littleEndian(s)))).toBe(false)
      }
    })

    test(`${crypto.name}: S from the group order on is refused`, () => {
      const seed = crypto.random(32)
      const key = crypto.ed25519Public(seed)
      const signature = crypto.ed25519Sign(seed, message)
      const s = toNumber(signature.subarray(32))
      expect(crypto.ed25519Verify(key, message, signature)).toBe(true)
      for (let multiple = 1n; s + multiple * Point.Fn.ORDER < 2n ** 256n; multiple++) {
        const changed = concat(signature.subarray(0, 32), littleEndian(s + multiple * Point.Fn.ORDER))
        expect(crypto.ed25519Verify(key, message, changed)).toBe(false)
      }
    })

    test(`${crypto.name}: every other length of key or signature is refused`, () => {
      const seed = crypto.random(32)
      const key = crypto.ed25519Public(seed)
      const signature = crypto.ed25519Sign(seed, message)
      for (const length of [0, 31, 33, 64]) {
        expect(crypto.ed25519Verify(new Uint8Array(length).fill(9), message, signature)).toBe(false)
      }
      for (const wrong of [
        signature.subarray(0, 63),
        concat(signature, Uint8Array.of(0)),
        new Uint8Array(0),
      ]) {
        expect(crypto.ed25519Verify(key, message, wrong)).toBe(false)
      }
    })
  }

  test("both providers check the equation without the cofactor and so agree on keys and R with torsion", () => {
    const outcomes = new Set<boolean>()
    for (let i = 0; i < 16; i++) {
      const { a, k, signature } = craft(1000n + BigInt(i), torsion[1 + (i % 7)]!, Point.ZERO)
      const expected = torsion[1 + (i % 7)]!.multiplyUnsafe(k % 8n).is0()
      outcomes.add(expected)
      for (const crypto of PROVIDERS) expect(crypto.ed25519Verify(a, message, signature)).toBe(expected)
    }
    expect(outcomes).toEqual(new Set([true, false]))
    for (const point of torsion.slice(1)) {
      const { a, signature } = craft(99n, Point.ZERO, point)
      for (const crypto of PROVIDERS) expect(crypto.ed25519Verify(a, message, signature)).toBe(false)
    }
  })
})

test("verification leaves its inputs as they are, and takes a Buffer like any bytes", () => {
  const seed = nativeCrypto.random(32)
  const message = nativeCrypto.random(100)
  for (let i = 0; i < 64; i++) {
    const key = Buffer.from(nativeCrypto.ed25519Public(seed))
    const signature = Buffer.from(nativeCrypto.ed25519Sign(seed, Uint8Array.of(...message, i)))
    const before = Buffer.from(signature)
    for (const provider of [nativeCrypto, portableCrypto]) {
      expect(provider.ed25519Verify(key, Uint8Array.of(...message, i), signature)).toBeTrue()
    }
    expect(signature).toEqual(before)
  }
})
