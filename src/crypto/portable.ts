import { gcm } from "@noble/ciphers/aes.js"
import { ed25519, x25519 } from "@noble/curves/ed25519.js"
import { expand, extract } from "@noble/hashes/hkdf.js"
import { hmac } from "@noble/hashes/hmac.js"
import { sha256, sha512 } from "@noble/hashes/sha2.js"
import { concat, equal } from "../wire/bytes.ts"
import { isStrictPointEncoding } from "./ed25519.ts"
import { CryptoError, type CryptoProvider } from "./provider.ts"
import { wipe } from "./wipe.ts"

/**
 * The provider for browsers, over noble alone, and the reference that tests hold the native one against.
 *
 * noble's own Ed25519 verification multiplies by the cofactor, node's does not, so the two would disagree on
 * crafted signatures; here the equation is checked without the cofactor.
 */

const TAG_BYTES = 16
const NONCE_BYTES = 12
const KEY_BYTES = 32
const SIGNATURE_BYTES = 64
const HASH_BYTES = 32
const EXPAND_BYTES_MAX = 255 * HASH_BYTES
const RANDOM_BYTES_PER_CALL = 65_536

function checkAead(key: Uint8Array, nonce: Uint8Array): void {
  if (key.length !== 16 && key.length !== 32) throw new CryptoError("aead key length")
  if (nonce.length !== NONCE_BYTES) throw new CryptoError("aead nonce length")
}

function checkPrivate(secret: Uint8Array): void {
  if (secret.length !== KEY_BYTES) throw new CryptoError("private key length")
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!)
  return value
}

/** RFC 8032 section 5.1.7 with the equation `[S]B - [k]A = R`, compared as encodings. */
function verifyStrict(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false
  const r = signature.subarray(0, KEY_BYTES)
  if (!isStrictPointEncoding(publicKey) || !isStrictPointEncoding(r)) return false
  const s = littleEndian(signature.subarray(KEY_BYTES))
  const { Point } = ed25519
  if (s >= Point.Fn.ORDER) return false
  try {
    const negatedKey = Point.fromBytes(publicKey).negate()
    const k = Point.Fn.create(littleEndian(sha512(concat(r, publicKey, message))))
    const expected = Point.BASE.multiplyUnsafe(s).add(negatedKey.multiplyUnsafe(k))
    return equal(expected.toBytes(), r)
  } catch {
    return false
  }
}

/** Runs everywhere; many times as slow as native code. */
export const portableCrypto: CryptoProvider = {
  name: "portable",
  random(length) {
    const bytes = new Uint8Array(length)
    for (let at = 0; at < length; at += RANDOM_BYTES_PER_CALL) {
      crypto.getRandomValues(bytes.subarray(at, at + RANDOM_BYTES_PER_CALL))
    }
    return bytes
  },
  sha256: (data) => sha256(data),
  hmacSha256: (key, data) => hmac(sha256, key, data),
  hkdfExtract: (salt, inputKey) => extract(sha256, inputKey, salt),
  hkdfExpand(pseudoRandomKey, info, length) {
    if (pseudoRandomKey.length < HASH_BYTES) throw new CryptoError("hkdf key length")
    if (!(Number.isInteger(length) && length >= 0 && length <= EXPAND_BYTES_MAX)) {
      throw new CryptoError("hkdf length")
    }
    return length === 0 ? new Uint8Array(0) : expand(sha256, pseudoRandomKey, info, length)
  },
  aesGcmSeal(key, nonce, associatedData, plaintext) {
    checkAead(key, nonce)
    return gcm(key, nonce, associatedData).encrypt(plaintext)
  },
  aesGcmSealInPlace(key, nonce, associatedData, buffer) {
    checkAead(key, nonce)
    buffer.set(gcm(key, nonce, associatedData).encrypt(buffer.subarray(0, buffer.length - TAG_BYTES)))
  },
  aesGcmOpen(key, nonce, associatedData, ciphertext) {
    checkAead(key, nonce)
    if (ciphertext.length < TAG_BYTES) throw new CryptoError("aead ciphertext length")
    try {
      return gcm(key, nonce, associatedData).decrypt(ciphertext)
    } catch {
      throw new CryptoError("aead tag")
    }
  },
  x25519Public(secret) {
    checkPrivate(secret)
    return x25519.getPublicKey(secret)
  },
  x25519(secret, publicKey) {
    checkPrivate(secret)
    if (publicKey.length !== KEY_BYTES) throw new CryptoError("public key length")
    let shared: Uint8Array
    try {
      shared = x25519.getSharedSecret(secret, publicKey)
    } catch {
      throw new CryptoError("x25519 all-zero result")
    }
    if (shared.every((byte) => byte === 0)) {
      wipe(shared)
      throw new CryptoError("x25519 all-zero result")
    }
    return shared
  },
  ed25519Public(seed) {
    checkPrivate(seed)
    return ed25519.getPublicKey(seed)
  },
  ed25519Sign(seed, message) {
    checkPrivate(seed)
    return ed25519.sign(message, seed)
  },
  ed25519Verify: verifyStrict,
}
