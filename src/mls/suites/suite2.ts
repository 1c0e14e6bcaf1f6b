import { type AeadParts, hpkeParts } from "./hpke.ts"
import { oncePerProvider } from "./once.ts"
import { p256Kem, p256Parts } from "./p256.ts"
import { sha256Parts } from "./sha256.ts"

const AES_128_GCM = 1

/**
 * MLS_128_DHKEMP256_AES128GCM_SHA256_P256 (RFC 9420 section 17.1): curve operations of noble, the rest of the provider.
 * The same object for the same provider. Secret keys are 32 bytes, public keys and KEM outputs 65, signatures at most 72.
 */
export const suite2 = oncePerProvider((crypto) => {
  const aead: AeadParts = {
    aeadKeyBytes: 16,
    aeadSeal: (key, nonce, aad, plaintext) => crypto.aesGcmSeal(key, nonce, aad, plaintext),
    aeadOpen: (key, nonce, aad, ciphertext) => crypto.aesGcmOpen(key, nonce, aad, ciphertext),
  }
  return {
    id: 2,
    ...sha256Parts(crypto),
    ...p256Parts(crypto),
    ...aead,
    ...hpkeParts(crypto, p256Kem, { ...aead, aeadId: AES_128_GCM }),
  }
})
