import {
  type Cipheriv,
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  randomFillSync,
  sign,
  verify,
} from "node:crypto"
import { concat, fixedBuffer } from "../wire/bytes.ts"
import { isStrictPointEncoding } from "./ed25519.ts"
import { CryptoError, type CryptoProvider } from "./provider.ts"
import { release, wipe } from "./wipe.ts"

/**
 * The server's provider, over node:crypto and Bun's hashers, synchronous: a call costs less than the thread hop of
 * WebCrypto. Raw keys become key objects through their fixed DER prefixes (RFC 8410 section 7), never through JWK,
 * because a JWK is a string and cannot be wiped.
 */

const TAG_BYTES = 16
const NONCE_BYTES = 12
const KEY_BYTES = 32
const SIGNATURE_BYTES = 64
const HASH_BYTES = 32
const HASH_BLOCK_BYTES = 64
const INNER_PAD = 0x36
const OUTER_PAD = 0x5c
const EXPAND_BYTES_MAX = 255 * HASH_BYTES
const POOL_BYTES = 4096
const SEALED_AT_ONCE_BYTES = 256 * 1024

/** `SEQUENCE { INTEGER 0, SEQUENCE { OID }, OCTET STRING { OCTET STRING { 32 bytes } } }` up to the key. */
const X25519_PRIVATE = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20)
const ED25519_PRIVATE = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20)
/** `SEQUENCE { SEQUENCE { OID }, BIT STRING { 32 bytes } }` up to the key. */
const X25519_PUBLIC = Uint8Array.of(0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 3, 0x21, 0)
const ED25519_PUBLIC = Uint8Array.of(0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0)

function importPrivate(prefix: Uint8Array, raw: Uint8Array): KeyObject {
  if (raw.length !== KEY_BYTES) throw new CryptoError("private key length")
  const der = concat(prefix, raw)
  try {
    return createPrivateKey({ key: der as Buffer, format: "der", type: "pkcs8" })
  } catch {
    throw new CryptoError("private key import")
  } finally {
    wipe(der)
  }
}

function importPublic(prefix: Uint8Array, raw: Uint8Array): KeyObject {
  if (raw.length !== KEY_BYTES) throw new CryptoError("public key length")
  try {
    return createPublicKey({ key: concat(prefix, raw) as Buffer, format: "der", type: "spki" })
  } catch {
    throw new CryptoError("public key import")
  }
}

function rawPublic(privateKey: KeyObject): Uint8Array {
  const der = createPublicKey(privateKey).export({ format: "der", type: "spki" })
  return Uint8Array.from(der.subarray(der.length - KEY_BYTES))
}

/** A Buffer's bytes as a plain Uint8Array over the same memory: `slice` of a Buffer would not copy. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}

function algorithm(key: Uint8Array): "aes-128-gcm" | "aes-256-gcm" {
  if (key.length === 32) return "aes-256-gcm"
  if (key.length === 16) return "aes-128-gcm"
  throw new CryptoError("aead key length")
}

function checkNonce(nonce: Uint8Array): void {
  if (nonce.length !== NONCE_BYTES) throw new CryptoError("aead nonce length")
}

/** Used again and again, and zero in between. Small arrays that are made for each call leave copies when the runtime moves them. */
const hmacInner = fixedBuffer(512)
const hmacOuter = fixedBuffer(HASH_BLOCK_BYTES + HASH_BYTES)

/**
 * HMAC (RFC 2104) of the parts one after the other, over one-shot hashes of buffers that are overwritten: a hasher with a
 * key is an object of the runtime's own, which keeps key and data until it is collected, and costs three times as much.
 */
function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const digest = new Uint8Array(HASH_BYTES)
  if (key.length > HASH_BLOCK_BYTES) {
    Bun.SHA256.hash(key as Buffer, digest)
    return hmac(digest, ...parts)
  }
  const length = HASH_BLOCK_BYTES + parts.reduce((sum, part) => sum + part.length, 0)
  const inner = length <= hmacInner.length ? hmacInner.subarray(0, length) : fixedBuffer(length)
  const outer = hmacOuter
  for (let i = 0; i < HASH_BLOCK_BYTES; i++) {
    const byte = key[i] ?? 0
    inner[i] = byte ^ INNER_PAD
    outer[i] = byte ^ OUTER_PAD
  }
  let offset = HASH_BLOCK_BYTES
  for (const part of parts) {
    inner.set(part, offset)
    offset += part.length
  }
  Bun.SHA256.hash(inner as Buffer, digest)
  outer.set(digest, HASH_BLOCK_BYTES)
  Bun.SHA256.hash(outer as Buffer, digest)
  wipe(inner, outer)
  return digest
}

function expand(pseudoRandomKey: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  if (pseudoRandomKey.length < HASH_BYTES) throw new CryptoError("hkdf key length")
  if (!(Number.isInteger(length) && length >= 0 && length <= EXPAND_BYTES_MAX)) {
    throw new CryptoError("hkdf length")
  }
  const counter = Uint8Array.of(1)
  if (length <= HASH_BYTES) {
    const block = hmac(pseudoRandomKey, info, counter)
    if (length === HASH_BYTES) return block
    const part = block.slice(0, length)
    wipe(block)
    return part
  }
  const output = new Uint8Array(length)
  let previous = new Uint8Array(0)
  for (let offset = 0; offset < length; offset += HASH_BYTES) {
    const next = hmac(pseudoRandomKey, previous, info, counter) as Uint8Array<ArrayBuffer>
    wipe(previous)
    previous = next
    for (let i = 0; i < HASH_BYTES && offset + i < length; i++) output[offset + i] = previous[i]!
    counter[0] = counter[0]! + 1
  }
  wipe(previous)
  return output
}

/** Random bytes that are not handed out yet; those that were are overwritten. */
const pool = new Uint8Array(POOL_BYTES)
let pooled = 0

/** `crypto.getRandomValues` draws from a pool of the runtime's, in which what it gave stays until the pool is filled anew. */
function random(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  if (length > POOL_BYTES) return randomFillSync(bytes)
  if (length > pooled) {
    randomFillSync(pool)
    pooled = POOL_BYTES
  }
  const from = pooled - length
  for (let i = 0; i < length; i++) {
    bytes[i] = pool[from + i]!
    pool[from + i] = 0
  }
  pooled = from
  return bytes
}

function seal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(plaintext.length + TAG_BYTES)
  sealFrom(plaintext, key, nonce, aad, sealed)
  return sealed
}

function sealFrom(
  plaintext: Uint8Array,
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  sealed: Uint8Array,
): void {
  checkNonce(nonce)
  const cipher = createCipheriv(algorithm(key), key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(aad)
  // What is small is not taken as a view: see fixedBuffer.
  if (plaintext.length <= SEALED_AT_ONCE_BYTES) sealed.set(cipher.update(plaintext))
  else sealParts(cipher, plaintext, sealed)
  cipher.final()
  sealed.set(cipher.getAuthTag(), plaintext.length)
}

/** The runtime's cipher makes a buffer of its own for what it returns: of megabytes only parts, one after the other. */
function sealParts(cipher: Cipheriv, plaintext: Uint8Array, sealed: Uint8Array): void {
  for (let at = 0; at < plaintext.length; at += SEALED_AT_ONCE_BYTES) {
    const part = cipher.update(plaintext.subarray(at, at + SEALED_AT_ONCE_BYTES))
    sealed.set(part, at)
    release(part)
  }
}

function open(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  checkNonce(nonce)
  const name = algorithm(key)
  const length = ciphertext.length - TAG_BYTES
  if (length < 0) throw new CryptoError("aead ciphertext length")
  const decipher = createDecipheriv(name, key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(aad)
  decipher.setAuthTag(ciphertext.subarray(length))
  const plaintext = plain(decipher.update(ciphertext.subarray(0, length)))
  try {
    decipher.final()
  } catch {
    wipe(plaintext)
    throw new CryptoError("aead tag")
  }
  return plaintext
}

/** An Ed25519 seed imported once, for keys that sign often: importing costs as much as signing. */
export interface NativeSigner {
  /** Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array
  /** A 64-byte signature. Throws {@link CryptoError} after `wipe`. */
  sign(message: Uint8Array): Uint8Array
  /** Drops the imported key. */
  wipe(): void
}

/** Imports a 32-byte seed for repeated signing; the seed stays the caller's to wipe. */
export function nativeSigner(seed: Uint8Array): NativeSigner {
  let key: KeyObject | undefined = importPrivate(ED25519_PRIVATE, seed)
  return {
    publicKey: rawPublic(key),
    sign(message) {
      if (key === undefined) throw new CryptoError("signing key wiped")
      return plain(sign(null, message, key))
    },
    wipe() {
      key = undefined
    },
  }
}

/** For Bun, over its own native code. */
export const nativeCrypto: CryptoProvider = {
  name: "native",
  random,
  sha256(data) {
    const digest = new Uint8Array(HASH_BYTES)
    Bun.SHA256.hash(data as Buffer, digest)
    return digest
  },
  hmacSha256: (key, data) => hmac(key, data),
  hkdfExtract: (salt, inputKey) => hmac(salt, inputKey),
  hkdfExpand: expand,
  aesGcmSeal: seal,
  aesGcmSealInPlace: (key, nonce, aad, buffer) =>
    sealFrom(buffer.subarray(0, buffer.length - TAG_BYTES), key, nonce, aad, buffer),
  aesGcmOpen: open,
  x25519Public: (secret) => rawPublic(importPrivate(X25519_PRIVATE, secret)),
  x25519(secret, publicKey) {
    const privateKey = importPrivate(X25519_PRIVATE, secret)
    const peer = importPublic(X25519_PUBLIC, publicKey)
    let shared: Uint8Array
    try {
      shared = plain(diffieHellman({ privateKey, publicKey: peer }))
    } catch {
      throw new CryptoError("x25519 all-zero result")
    }
    if (shared.length !== KEY_BYTES || shared.every((byte) => byte === 0)) {
      throw new CryptoError("x25519 all-zero result")
    }
    return shared
  },
  ed25519Public: (seed) => rawPublic(importPrivate(ED25519_PRIVATE, seed)),
  ed25519Sign: (seed, message) => plain(sign(null, message, importPrivate(ED25519_PRIVATE, seed))),
  ed25519Verify(publicKey, message, signature) {
    if (publicKey.length !== KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false
    if (!isStrictPointEncoding(publicKey) || !isStrictPointEncoding(signature.subarray(0, KEY_BYTES)))
      return false
    try {
      return verify(null, message, importPublic(ED25519_PUBLIC, publicKey), signature)
    } catch {
      return false
    }
  },
}
