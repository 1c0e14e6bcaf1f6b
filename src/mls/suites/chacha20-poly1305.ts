import { chacha20poly1305 } from "@noble/ciphers/chacha.js"
import { CryptoError } from "../../crypto/provider.ts"
import type { AeadParts } from "./hpke.ts"

/** Lengths and tags that noble refuses, as CryptoError. */
function opening<T>(work: () => T): T {
  try {
    return work()
  } catch {
    throw new CryptoError("aead")
  }
}

/** ChaCha20-Poly1305 (RFC 8439) by noble. */
export const chacha20Poly1305: AeadParts = {
  aeadKeyBytes: 32,
  aeadSeal: (key, nonce, aad, plaintext) =>
    opening(() => chacha20poly1305(key, nonce, aad).encrypt(plaintext)),
  aeadOpen: (key, nonce, aad, ciphertext) =>
    opening(() => chacha20poly1305(key, nonce, aad).decrypt(ciphertext)),
}
