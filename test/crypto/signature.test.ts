import { expect, test } from "bun:test"
import { labels } from "../../src/crypto/labels.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { portableCrypto } from "../../src/crypto/portable.ts"
import { signLabeled, verifyLabeled } from "../../src/crypto/signature.ts"
import { concat, fromUtf8, toHex, utf8 } from "../../src/wire/bytes.ts"

const seed = nativeCrypto.random(32)
const publicKey = nativeCrypto.ed25519Public(seed)
const content = utf8("content")

test("a labelled signature verifies with either provider and serves no other label, content or key", () => {
  const signature = signLabeled(nativeCrypto, seed, labels.clientCredential, content)
  for (const crypto of [nativeCrypto, portableCrypto]) {
    const verify = (key: Uint8Array, label: Uint8Array, signed: Uint8Array) =>
      verifyLabeled(crypto, key, label, signed, signature)
    expect(verify(publicKey, labels.clientCredential, content)).toBe(true)
    expect(verify(publicKey, labels.leafCredential, content)).toBe(false)
    expect(verify(publicKey, labels.clientCredential, utf8("contents"))).toBe(false)
    expect(
      verify(nativeCrypto.ed25519Public(nativeCrypto.random(32)), labels.clientCredential, content),
    ).toBe(false)
  }
})

test("label and content do not run into each other", () => {
  const signature = signLabeled(nativeCrypto, seed, utf8("Cinder 1 a"), utf8("bc"))
  expect(verifyLabeled(nativeCrypto, publicKey, utf8("Cinder 1 ab"), utf8("c"), signature)).toBe(false)
  const unlabelled = concat(utf8("Cinder 1 a"), utf8("bc"))
  expect(nativeCrypto.ed25519Verify(publicKey, unlabelled, signature)).toBe(false)
})

test("every label names the protocol's version and no two are the same", () => {
  const all = Object.values(labels)
  for (const label of all) expect(fromUtf8(label)).toStartWith("Cinder 1 ")
  expect(new Set(all.map(toHex)).size).toBe(all.length)
})
