/**
 * What a cipher suite of RFC 9420 (section 17.1) gives to everything in this folder: the one thing that differs between
 * suites. All calls are synchronous; secrets stay the caller's to wipe. The suites here have SHA-256, so every hash,
 * secret, reference and tag is 32 bytes.
 */
export interface CipherSuite {
  /** 0x0001, 0x0002 or 0x0003. */
  readonly id: number
  /** Key length of the AEAD: 16 or 32 bytes. Nonces are 12 bytes, tags 16. */
  readonly aeadKeyBytes: 16 | 32

  random(length: number): Uint8Array
  hash(data: Uint8Array): Uint8Array
  /** HMAC with the suite's hash. */
  mac(key: Uint8Array, data: Uint8Array): Uint8Array
  kdfExtract(salt: Uint8Array, inputKey: Uint8Array): Uint8Array
  kdfExpand(secret: Uint8Array, info: Uint8Array, length: number): Uint8Array

  /** Ciphertext || tag. */
  aeadSeal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array
  /** Throws CryptoError if it does not open. */
  aeadOpen(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array

  /** A new signature secret key, as this suite's `sign` takes it. */
  generateSignatureSecret(): Uint8Array
  signaturePublic(secretKey: Uint8Array): Uint8Array
  sign(secretKey: Uint8Array, message: Uint8Array): Uint8Array
  /** A malformed key or signature is `false`. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean

  /** Whether the bytes have the form of a signature public key of this suite. */
  isSignaturePublicKey(publicKey: Uint8Array): boolean

  /** Whether the bytes are a public key that HPKE of this suite can be used with. */
  isHpkePublicKey(publicKey: Uint8Array): boolean
  hpkePublic(secretKey: Uint8Array): Uint8Array
  /** `DeriveKeyPair` (RFC 9180 section 7.1.3). */
  hpkeDeriveKeyPair(ikm: Uint8Array): HpkeKeyPair
  /** Base mode, single shot, without associated data. Throws CryptoError on an unusable key. */
  hpkeSeal(publicKey: Uint8Array, info: Uint8Array, plaintext: Uint8Array): HpkeSealed
  /** Throws CryptoError if it does not open. */
  hpkeOpen(secretKey: Uint8Array, info: Uint8Array, sealed: HpkeSealed): Uint8Array
  /** The sender's side of an export, for ExternalInit (RFC 9420 section 8.3). */
  hpkeExportSender(
    publicKey: Uint8Array,
    info: Uint8Array,
    context: Uint8Array,
    length: number,
  ): { readonly kemOutput: Uint8Array; readonly secret: Uint8Array }
  hpkeExportReceiver(
    secretKey: Uint8Array,
    kemOutput: Uint8Array,
    info: Uint8Array,
    context: Uint8Array,
    length: number,
  ): Uint8Array
}

export interface HpkeKeyPair {
  readonly secretKey: Uint8Array
  readonly publicKey: Uint8Array
}

export interface HpkeSealed {
  readonly kemOutput: Uint8Array
  readonly ciphertext: Uint8Array
}
