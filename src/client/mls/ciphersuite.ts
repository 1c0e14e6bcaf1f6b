import type { CiphersuiteImpl, PrivateKey, PublicKey } from "ts-mls"
import { deriveKeyPair, exportBaseReceiver, exportBaseSender, openBase, sealBase } from "../../crypto/hpke.ts"
import type { CryptoProvider } from "../../crypto/provider.ts"
import { equalConstantTime } from "../../wire/bytes.ts"

/**
 * MLS suite 0x0001 for ts-mls over our own primitives, so that one implementation serves browsers and Bun and is held
 * by our vectors. ts-mls passes HPKE keys around without looking into them; here they are the raw 32 bytes.
 */

const AEAD_KEY_BYTES = 16
const AEAD_NONCE_BYTES = 12
const KEY_BYTES = 32
const NO_BYTES = new Uint8Array(0)

function asPublic(bytes: Uint8Array): PublicKey {
  return bytes as unknown as PublicKey
}

function asPrivate(bytes: Uint8Array): PrivateKey {
  return bytes as unknown as PrivateKey
}

function raw(key: PublicKey | PrivateKey): Uint8Array {
  return key as unknown as Uint8Array
}

/**
 * `external_pub` is `opaque<V>` inside its extension (RFC 9420 section 12.4.3.2), but ts-mls takes the extension's
 * data for the key itself: such a value is unwrapped here.
 */
function unwrapExternalPub(bytes: Uint8Array): Uint8Array {
  return bytes.length === KEY_BYTES + 1 && bytes[0] === KEY_BYTES ? bytes.subarray(1) : bytes
}

/** @returns the suite; all of its functions are synchronous inside. */
export function ciphersuite(crypto: CryptoProvider): CiphersuiteImpl {
  return {
    name: "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
    rng: { randomBytes: (length) => crypto.random(length) },
    hash: {
      digest: async (data) => crypto.sha256(data),
      mac: async (key, data) => crypto.hmacSha256(key, data),
      verifyMac: async (key, mac, data) => equalConstantTime(crypto.hmacSha256(key, data), mac),
    },
    kdf: {
      size: 32,
      extract: async (salt, inputKey) => crypto.hkdfExtract(salt, inputKey),
      expand: async (key, info, length) => crypto.hkdfExpand(key, info, length),
    },
    signature: {
      sign: async (seed, message) => crypto.ed25519Sign(seed, message),
      verify: async (publicKey, message, signature) => crypto.ed25519Verify(publicKey, message, signature),
      async keygen() {
        const signKey = crypto.random(KEY_BYTES)
        return { signKey, publicKey: crypto.ed25519Public(signKey) }
      },
    },
    hpke: hpke(crypto),
  }
}

function hpke(crypto: CryptoProvider): CiphersuiteImpl["hpke"] {
  function keyPair(inputKey: Uint8Array): { privateKey: PrivateKey; publicKey: PublicKey } {
    const { secretKey, publicKey } = deriveKeyPair(crypto, inputKey)
    return { privateKey: asPrivate(secretKey), publicKey: asPublic(publicKey) }
  }
  return {
    keyLength: AEAD_KEY_BYTES,
    nonceLength: AEAD_NONCE_BYTES,
    importPrivateKey: async (bytes) => asPrivate(bytes),
    importPublicKey: async (bytes) => asPublic(unwrapExternalPub(bytes)),
    exportPrivateKey: async (key) => raw(key),
    exportPublicKey: async (key) => raw(key),
    deriveKeyPair: async (inputKey) => keyPair(inputKey),
    async generateKeyPair() {
      const inputKey = crypto.random(KEY_BYTES)
      const pair = keyPair(inputKey)
      inputKey.fill(0)
      return pair
    },
    async seal(publicKey, plaintext, info, aad = NO_BYTES) {
      const sealed = sealBase(crypto, AEAD_KEY_BYTES, raw(publicKey), info, aad, plaintext)
      return { enc: sealed.enc, ct: sealed.ciphertext }
    },
    open: async (privateKey, kemOutput, ciphertext, info, aad = NO_BYTES) =>
      openBase(crypto, AEAD_KEY_BYTES, raw(privateKey), kemOutput, info, aad, ciphertext),
    encryptAead: async (key, nonce, aad, plaintext) =>
      crypto.aesGcmSeal(key, nonce, aad ?? NO_BYTES, plaintext),
    decryptAead: async (key, nonce, aad, ciphertext) =>
      crypto.aesGcmOpen(key, nonce, aad ?? NO_BYTES, ciphertext),
    exportSecret: async (publicKey, context, length, info) =>
      exportBaseSender(crypto, AEAD_KEY_BYTES, raw(publicKey), info, context, length),
    importSecret: async (privateKey, context, kemOutput, length, info) =>
      exportBaseReceiver(crypto, AEAD_KEY_BYTES, raw(privateKey), kemOutput, info, context, length),
  }
}
