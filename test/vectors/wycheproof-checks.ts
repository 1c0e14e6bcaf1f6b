import { CryptoError, type CryptoProvider } from "../../src/crypto/provider.ts"
import type { CipherSuite } from "../../src/mls/suite.ts"
import { p256Kem } from "../../src/mls/suites/p256.ts"
import { suite2 } from "../../src/mls/suites/suite2.ts"
import { suite3 } from "../../src/mls/suites/suite3.ts"
import { concat, equal } from "../../src/wire/bytes.ts"
import { ensure, ensureEqual } from "./check.ts"
import { hex, integer, object, text } from "./field.ts"
import type { JsonObject } from "./suite.ts"

/** What Wycheproof's cases ask of each primitive. */

/** Throws what is wrong, or returns why the case does not concern us. */
export type Check = (crypto: CryptoProvider, test: JsonObject, group: JsonObject) => string | undefined

const NONCE_BYTES = 12
const P256_SECRET_BYTES = 32
const UNCOMPRESSED = 4

/** Whether `work` succeeded; only the provider's own error counts as a refusal. */
function accepted(work: () => void): boolean {
  try {
    work()
    return true
  } catch (error) {
    if (error instanceof CryptoError) return false
    throw error
  }
}

type Aead = Pick<CipherSuite, "aeadSeal" | "aeadOpen">

/** Nonces of 12 bytes and keys of these lengths; all others have to be refused, whatever the vectors allow. */
function aead(name: string, keyBytes: readonly number[], make: (crypto: CryptoProvider) => Aead): Check {
  return (crypto, test) => {
    const { aeadSeal, aeadOpen } = make(crypto)
    const [key, iv, aad] = [hex(test, "key"), hex(test, "iv"), hex(test, "aad")]
    const [message, sealed] = [hex(test, "msg"), concat(hex(test, "ct"), hex(test, "tag"))]
    const valid = text(test, "result") === "valid"
    const usable = iv.length === NONCE_BYTES && keyBytes.includes(key.length)
    const opens = accepted(() => ensureEqual(aeadOpen(key, iv, aad, sealed), message, "plaintext"))
    ensure(opens === (usable && valid), opens ? "opened" : "did not open")
    if (opens) ensureEqual(aeadSeal(key, iv, aad, message), sealed, "ciphertext")
    if (usable || !valid) return undefined
    ensure(!accepted(() => aeadSeal(key, iv, aad, message)), "sealed with a refused length")
    return iv.length === NONCE_BYTES
      ? `${name}: ${key.length * 8}-bit keys are not offered (refused)`
      : `${name}: only 96-bit nonces (refused)`
  }
}

export const aesGcm: Check = aead("AES-GCM", [16, 32], (crypto) => ({
  aeadSeal: crypto.aesGcmSeal,
  aeadOpen: crypto.aesGcmOpen,
}))

export const chacha20Poly1305: Check = aead("ChaCha20-Poly1305", [32], suite3)

export const ed25519: Check = (crypto, test, group) => {
  const key = hex(object(group, "publicKey"), "pk")
  const valid = crypto.ed25519Verify(key, hex(test, "msg"), hex(test, "sig"))
  ensure(valid === (text(test, "result") === "valid"), valid ? "accepted" : "refused")
  return undefined
}

export const ecdsa: Check = (crypto, test, group) => {
  const key = hex(object(group, "publicKey"), "uncompressed")
  const valid = suite2(crypto).verify(key, hex(test, "msg"), hex(test, "sig"))
  ensure(valid === (text(test, "result") === "valid"), valid ? "accepted" : "refused")
  return undefined
}

export const x25519: Check = (crypto, test) => {
  const shared = hex(test, "shared")
  const agreed = accepted(() => {
    ensureEqual(crypto.x25519(hex(test, "private"), hex(test, "public")), shared, "shared secret")
  })
  // An all-zero secret is "acceptable" to the vectors and refused by us; every other value must come out.
  const zero = shared.every((byte) => byte === 0)
  ensure(agreed === (text(test, "result") !== "invalid" && !zero), agreed ? "accepted" : "refused")
  return undefined
}

export const ecdh: Check = (_, test) => {
  const [publicKey, secretKey] = [hex(test, "public"), fixedLength(hex(test, "private"), P256_SECRET_BYTES)]
  const agreed = accepted(() => {
    ensureEqual(p256Kem.agree(secretKey, publicKey), hex(test, "shared"), "shared secret")
  })
  const uncompressed = publicKey[0] === UNCOMPRESSED
  const invalid = text(test, "result") === "invalid"
  ensure(agreed === (!invalid && uncompressed), agreed ? "accepted" : "refused")
  return invalid || uncompressed ? undefined : "ECDH: compressed points are not offered (refused)"
}

/** The vectors have integers of any length: with a leading zero, or without those that belong to it. */
function fixedLength(integer: Uint8Array, length: number): Uint8Array {
  const padded = concat(new Uint8Array(length), integer)
  return padded.subarray(padded.length - length)
}

export const hkdf: Check = (crypto, test) => {
  const derived = accepted(() => {
    const key = crypto.hkdfExtract(hex(test, "salt"), hex(test, "ikm"))
    const output = crypto.hkdfExpand(key, hex(test, "info"), integer(test, "size"))
    ensureEqual(output, hex(test, "okm"), "output")
  })
  ensure(derived === (text(test, "result") === "valid"), derived ? "accepted" : "refused")
  return undefined
}

export const hmac: Check = (crypto, test, group) => {
  const tag = crypto.hmacSha256(hex(test, "key"), hex(test, "msg")).subarray(0, integer(group, "tagSize") / 8)
  ensure(equal(tag, hex(test, "tag")) === (text(test, "result") === "valid"), "tag")
  return undefined
}
