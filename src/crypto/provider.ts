/**
 * The primitives that everything above is built from, as one interface with two implementations:
 * `native` (node:crypto and Bun, for the server) and `portable` (noble, for browsers). Tests hold the
 * first against the second. All calls are synchronous; inputs are never kept, and changed only
 * where that is said.
 *
 * Only MLS suite 0x0001's primitives and AES-256-GCM are here (docs/protocol.md section 9).
 */
export interface CryptoProvider {
  /** Which of the two. */
  readonly name: "native" | "portable"

  /** `length` bytes from the system's random generator. */
  random(length: number): Uint8Array

  /** SHA-256 (FIPS 180-4), 32 bytes. */
  sha256(data: Uint8Array): Uint8Array
  /** HMAC-SHA-256 (RFC 2104), 32 bytes. */
  hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array
  /** HKDF-Extract with SHA-256 (RFC 5869 section 2.2), 32 bytes. */
  hkdfExtract(salt: Uint8Array, inputKey: Uint8Array): Uint8Array
  /** HKDF-Expand with SHA-256 (RFC 5869 section 2.3), at most 8160 bytes. */
  hkdfExpand(pseudoRandomKey: Uint8Array, info: Uint8Array, length: number): Uint8Array

  /**
   * AES-GCM (SP 800-38D) with a 16- or 32-byte key and a nonce of exactly 12 bytes; returns
   * ciphertext || tag (16 bytes).
   */
  aesGcmSeal(
    key: Uint8Array,
    nonce: Uint8Array,
    associatedData: Uint8Array,
    plaintext: Uint8Array,
  ): Uint8Array
  /**
   * The same where the plaintext lies, for megabytes: it is all of `buffer` but the last 16 bytes, which the tag is written to.
   * Of the plaintext nothing is left.
   */
  aesGcmSealInPlace(key: Uint8Array, nonce: Uint8Array, associatedData: Uint8Array, buffer: Uint8Array): void
  /** The reverse. Throws {@link CryptoError} if the tag does not match or a length is wrong. */
  aesGcmOpen(
    key: Uint8Array,
    nonce: Uint8Array,
    associatedData: Uint8Array,
    ciphertext: Uint8Array,
  ): Uint8Array

  /** X25519 (RFC 7748) public key of a 32-byte secret. */
  x25519Public(secret: Uint8Array): Uint8Array
  /** X25519 shared secret. Throws {@link CryptoError} on an all-zero result (RFC 7748 section 6.1). */
  x25519(secret: Uint8Array, publicKey: Uint8Array): Uint8Array

  /** Ed25519 (RFC 8032) public key of a 32-byte seed. */
  ed25519Public(seed: Uint8Array): Uint8Array
  /** Ed25519 signature, 64 bytes. */
  ed25519Sign(seed: Uint8Array, message: Uint8Array): Uint8Array
  /**
   * Strict verification: canonical encodings of A and R, S below the group order, no public key or R of small
   * order. A malformed key or signature is `false`, never an error.
   */
  ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
}

/** A cryptographic check failed. The message names the check, never a key, a plaintext or an input. */
export class CryptoError extends Error {
  /** Always the same, also where code is minified. */
  override readonly name = "CryptoError"
}
