import { chacha20poly1305 } from "@noble/ciphers/chacha.js"
import { CryptoError, type CryptoProvider } from "../../crypto/provider.ts"
import { ed25519Parts } from "./ed25519.ts"
import { type DhKem, hpkeParts } from "./hpke.ts"
import { oncePerProvider } from "./once.ts"
import { sha256Parts } from "./sha256.ts"

const CHACHA20_POLY1305 = 3
const KEY_BYTES = 32
const NONE = new Uint8Array(0)

/** Lengths and tags that noble refuses, as CryptoError. */
function opening<T>(work: () => T): T {
  try {
    return work()
  } catch {
    throw new CryptoError("aead")
  }
}

const aead = {
  aeadKeyBytes: KEY_BYTES,
  aeadSeal: (key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array) =>
    opening(() => chacha20poly1305(key, nonce, aad).encrypt(plaintext)),
  aeadOpen: (key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array) =>
    opening(() => chacha20poly1305(key, nonce, aad).decrypt(ciphertext)),
} as const

/** DHKEM(X25519, HKDF-SHA256) (RFC 9180 section 4.1). */
function x25519Kem(crypto: CryptoProvider): DhKem {
  return {
    id: 0x0020,
    isPublicKey: (publicKey) => publicKey.length === KEY_BYTES,
    publicKey: (secretKey) => crypto.x25519Public(secretKey),
    agree: (secretKey, publicKey) => crypto.x25519(secretKey, publicKey),
    deriveSecretKey: (expand) => expand("sk", NONE),
  }
}

/**
 * MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519 (RFC 9420 section 17.1): the AEAD of noble, the rest of the
 * provider. The same object for the same provider. All keys are 32 bytes.
 */
export const suite3 = oncePerProvider((crypto) => ({
  id: 3,
  ...sha256Parts(crypto),
  ...ed25519Parts(crypto),
  ...aead,
  ...hpkeParts(crypto, x25519Kem(crypto), { ...aead, aeadId: CHACHA20_POLY1305 }),
}))
