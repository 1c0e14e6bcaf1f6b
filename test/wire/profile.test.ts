import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { labels } from "../../src/crypto/labels.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { CryptoError } from "../../src/crypto/provider.ts"
import { PROFILE_AVATAR_BYTES_MAX, PROFILE_BYTES, PROFILE_NAME_BYTES_MAX } from "../../src/limits.ts"
import { concat, utf8 } from "../../src/wire/bytes.ts"
import { openProfile, sealProfile } from "../../src/wire/profile.ts"
import { sealSymmetric } from "../../src/wire/sealed.ts"
import { CodecError } from "../../src/wire/tls.ts"

const key = crypto.random(32)
const owner = { user: crypto.random(16), domain: "example.org" }
const name = fc
  .string({ unit: "grapheme", maxLength: 60 })
  .filter((text) => utf8(text).length <= PROFILE_NAME_BYTES_MAX && text.isWellFormed())
const profile = fc.record({ displayName: name, avatar: fc.uint8Array({ maxLength: 600 }) })
const open = (sealed: Uint8Array, by = key, of = owner) => openProfile(crypto, by, of, sealed)

describe("an encrypted profile", () => {
  test("opens to what its user made of it, and is always of one length", () => {
    const longest = {
      displayName: "é".repeat(PROFILE_NAME_BYTES_MAX / 2),
      avatar: crypto.random(PROFILE_AVATAR_BYTES_MAX),
    }
    fc.assert(
      fc.property(profile, (value) => {
        const sealed = sealProfile(crypto, key, owner, value)
        expect(sealed.length).toBe(PROFILE_BYTES)
        expect(open(sealed)).toEqual(value)
      }),
      { examples: [[longest], [{ displayName: "", avatar: new Uint8Array(0) }]] },
    )
  })

  test("opens with no other key and for no other user, nor changed anywhere", () => {
    const sealed = sealProfile(crypto, key, owner, { displayName: "Ada", avatar: crypto.random(100) })
    expect(() => open(sealed, crypto.random(32))).toThrow(CryptoError)
    expect(() => open(sealed, key, { ...owner, user: crypto.random(16) })).toThrow(CryptoError)
    expect(() => open(sealed, key, { ...owner, domain: "example.net" })).toThrow(CryptoError)
    expect(() => open(crypto.random(PROFILE_BYTES))).toThrow(CryptoError)
    fc.assert(
      fc.property(fc.nat(PROFILE_BYTES - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = sealed.slice()
        changed[at] = changed[at]! ^ flip
        expect(() => open(changed)).toThrow(CryptoError)
        expect(() => open(sealed.subarray(0, at))).toThrow(CryptoError)
      }),
      { numRuns: 60 },
    )
  })

  test("is made of no part that is too long", () => {
    const seal = (displayName: string, avatar: number) => () =>
      sealProfile(crypto, key, owner, { displayName, avatar: new Uint8Array(avatar) })
    expect(seal("é".repeat(129), 0)).toThrow(CodecError)
    expect(seal("", PROFILE_AVATAR_BYTES_MAX + 1)).toThrow(CodecError)
  })

  test("that a contact seals for itself is decoded as strictly as any", () => {
    const aad = concat(labels.userProfile, utf8("00000000-0000-0000-0000-000000000000@example.org"))
    const nobody = { user: new Uint8Array(16), domain: "example.org" }
    const contents = [
      [2, 1, 65, 0],
      [1, 1, 0xff, 0],
      [1, 1, 65, 0x40, 0],
      [1, 1, 65, 0, 1],
      [1, 0x41, 0x01, ...new Array<number>(257).fill(65), 0],
    ]
    for (const content of contents) {
      const padded = new Uint8Array(PROFILE_BYTES - 28)
      padded.set(content)
      expect(() => open(sealSymmetric(crypto, key, aad, padded), key, nobody)).toThrow(CodecError)
    }
    const short = new Uint8Array(PROFILE_BYTES - 29)
    short.set([1, 1, 65, 0])
    expect(() => open(sealSymmetric(crypto, key, aad, short), key, nobody)).toThrow(CodecError)
    const good = new Uint8Array(PROFILE_BYTES - 28)
    good.set([1, 1, 65, 0])
    expect(open(sealSymmetric(crypto, key, aad, good), key, nobody).displayName).toBe("A")
  })
})
