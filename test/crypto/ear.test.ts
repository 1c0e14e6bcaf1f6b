import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import {
  beginRecord,
  EAR_OVERHEAD_BYTES,
  type EarPurpose,
  openRecord,
  type SealedRecord,
  sealRecord,
} from "../../src/crypto/ear.ts"
import { labels } from "../../src/crypto/labels.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { portableCrypto } from "../../src/crypto/portable.ts"
import { CryptoError } from "../../src/crypto/provider.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import { Writer } from "../../src/wire/tls.ts"
import { recordingCrypto } from "./recording.ts"

const earKey = nativeCrypto.random(32)
const groupId = nativeCrypto.random(16)
const content = utf8("group state")
const purpose = fc.constantFrom<EarPurpose>("head", "tree")

function begun(content: Uint8Array): Writer {
  return beginRecord(new Writer()).raw(content)
}

/** A record whose inside is chosen freely, sealed with the right keys. */
function forge(inside: Uint8Array): SealedRecord {
  const salt = nativeCrypto.random(32)
  const prk = nativeCrypto.hkdfExtract(salt, earKey)
  const aad = new Writer().u8(1).opaque(labels.earHead).opaque(groupId).u64(3n).finish()
  const key = nativeCrypto.hkdfExpand(prk, labels.earHeadKey, 32)
  return {
    salt,
    commitment: nativeCrypto.hkdfExpand(prk, labels.earHeadCommitment, 32),
    ciphertext: nativeCrypto.aesGcmSeal(key, new Uint8Array(12), aad, inside),
  }
}

describe("a sealed record", () => {
  test("opens to what was sealed, with either provider, and its size tells only the padded length", () => {
    fc.assert(
      fc.property(
        purpose,
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        fc.uint8Array({ maxLength: 600 }),
        (kind, n, plaintext) => {
          const record = sealRecord(nativeCrypto, earKey, kind, groupId, n, begun(plaintext), 600)
          expect(record.ciphertext.length).toBe(600 + EAR_OVERHEAD_BYTES)
          expect(openRecord(nativeCrypto, earKey, kind, groupId, n, record)).toEqual(plaintext)
          expect(openRecord(portableCrypto, earKey, kind, groupId, n, record)).toEqual(plaintext)
        },
      ),
      { numRuns: 100 },
    )
  })

  test("has a fresh salt, and so a fresh key, for every write", () => {
    const one = sealRecord(nativeCrypto, earKey, "head", groupId, 1n, begun(content), 64)
    const two = sealRecord(nativeCrypto, earKey, "head", groupId, 1n, begun(content), 64)
    expect(one.salt).not.toEqual(two.salt)
    expect(one.commitment).not.toEqual(two.commitment)
    expect(one.ciphertext).not.toEqual(two.ciphertext)
  })

  test("does not open under another key, purpose, group or counter", () => {
    const record = sealRecord(nativeCrypto, earKey, "head", groupId, 3n, begun(content), 64)
    const otherGroup = groupId.slice()
    otherGroup[0] = otherGroup[0]! ^ 1
    const attempts: [Uint8Array, EarPurpose, Uint8Array, bigint][] = [
      [nativeCrypto.random(32), "head", groupId, 3n],
      [earKey, "tree", groupId, 3n],
      [earKey, "head", otherGroup, 3n],
      [earKey, "head", groupId.subarray(0, 15), 3n],
      [earKey, "head", groupId, 2n],
      [earKey, "head", groupId, 4n],
    ]
    for (const [key, kind, group, counter] of attempts) {
      expect(() => openRecord(nativeCrypto, key, kind, group, counter, record)).toThrow(
        new CryptoError("record does not open"),
      )
    }
  })

  test("does not open with any changed, cut or swapped part", () => {
    const record = sealRecord(nativeCrypto, earKey, "head", groupId, 3n, begun(content), 32)
    const other = sealRecord(nativeCrypto, earKey, "head", groupId, 3n, begun(content), 32)
    const refused = (changed: SealedRecord) =>
      expect(() => openRecord(nativeCrypto, earKey, "head", groupId, 3n, changed)).toThrow(CryptoError)
    for (const part of ["salt", "commitment", "ciphertext"] as const) {
      for (let at = 0; at < record[part].length; at++) {
        const changed = record[part].slice()
        changed[at] = changed[at]! ^ 0x80
        refused({ ...record, [part]: changed })
        refused({ ...record, [part]: record[part].subarray(0, at) })
      }
      refused({ ...record, [part]: other[part] })
    }
  })

  test("is refused when padding is not zero or the length inside is wrong, though it decrypts", () => {
    const inside = (length: number, ...rest: number[]) =>
      new Writer().u32(length).raw(Uint8Array.from(rest)).finish()
    expect(openRecord(nativeCrypto, earKey, "head", groupId, 3n, forge(inside(2, 7, 8, 0, 0)))).toEqual(
      Uint8Array.of(7, 8),
    )
    const refused = (bytes: Uint8Array) =>
      expect(() => openRecord(nativeCrypto, earKey, "head", groupId, 3n, forge(bytes))).toThrow(CryptoError)
    for (let at = 2; at < 20; at++) {
      const rest = new Array<number>(20).fill(0)
      rest[at] = 1
      refused(inside(2, ...rest))
    }
    refused(inside(3, 7, 8))
    refused(inside(0xffff_ffff, 7, 8))
    refused(new Uint8Array(3))
    refused(new Uint8Array(0))
  })

  test("cannot be made from content that does not fit, or under a key of another length", () => {
    expect(
      sealRecord(nativeCrypto, earKey, "tree", groupId, 1n, begun(new Uint8Array(64)), 64).ciphertext.length,
    ).toBe(84)
    const attempt = (key: Uint8Array, size: number, padded: number) => () =>
      sealRecord(nativeCrypto, key, "tree", groupId, 1n, begun(new Uint8Array(size)), padded)
    expect(attempt(earKey, 65, 64)).toThrow(CryptoError)
    expect(attempt(earKey, 0, Number.NaN)).toThrow(CryptoError)
    expect(attempt(earKey.subarray(1), 1, 64)).toThrow(CryptoError)
  })

  test("leaves no derived key and no plaintext behind but the one it returns", () => {
    const { crypto, secrets } = recordingCrypto()
    const inside = begun(content)
    const record = sealRecord(crypto, earKey, "head", groupId, 1n, inside, 64)
    expect(record.ciphertext.buffer).toBe(inside.view().buffer)
    const opened = openRecord(crypto, earKey, "head", groupId, 1n, record)
    expect(() => openRecord(crypto, earKey, "head", groupId, 2n, record)).toThrow(CryptoError)
    opened.fill(0)
    for (const { what, bytes } of secrets) {
      // The returned content is a view of the opened buffer, whose length prefix alone remains.
      const left = what === "opened plaintext" ? bytes.subarray(4) : bytes
      expect({ what, left: left.some((byte) => byte !== 0) }).toEqual({ what, left: false })
    }
    expect(secrets.map(({ what }) => what)).toContain("opened plaintext")
  })
})
