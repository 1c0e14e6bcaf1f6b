import { deriveKeyPair, exportBaseReceiver, exportBaseSender, openBase, sealBase } from "../../crypto/hpke.ts"
import { ed25519Parts } from "./ed25519.ts"
import { oncePerProvider } from "./once.ts"
import { sha256Parts } from "./sha256.ts"

const NONE = new Uint8Array(0)
const KEM_KEY_BYTES = 32
const AEAD_KEY_BYTES = 16

/**
 * MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519 (RFC 9420 section 17.1), entirely of the provider's primitives. The same
 * object for the same provider. All keys are 32 bytes.
 */
export const suite1 = oncePerProvider((crypto) => ({
  id: 1,
  aeadKeyBytes: AEAD_KEY_BYTES,
  ...sha256Parts(crypto),
  ...ed25519Parts(crypto),
  aeadSeal: (key, nonce, aad, plaintext) => crypto.aesGcmSeal(key, nonce, aad, plaintext),
  aeadOpen: (key, nonce, aad, ciphertext) => crypto.aesGcmOpen(key, nonce, aad, ciphertext),
  isHpkePublicKey: (publicKey) => publicKey.length === KEM_KEY_BYTES,
  hpkePublic: (secretKey) => crypto.x25519Public(secretKey),
  hpkeDeriveKeyPair: (ikm) => deriveKeyPair(crypto, ikm),
  hpkeSeal(publicKey, info, plaintext) {
    const { enc, ciphertext } = sealBase(crypto, AEAD_KEY_BYTES, publicKey, info, NONE, plaintext)
    return { kemOutput: enc, ciphertext }
  },
  hpkeOpen: (secretKey, info, { kemOutput, ciphertext }) =>
    openBase(crypto, AEAD_KEY_BYTES, secretKey, kemOutput, info, NONE, ciphertext),
  hpkeExportSender(publicKey, info, context, length) {
    const { enc, secret } = exportBaseSender(crypto, AEAD_KEY_BYTES, publicKey, info, context, length)
    return { kemOutput: enc, secret }
  },
  hpkeExportReceiver: (secretKey, kemOutput, info, context, length) =>
    exportBaseReceiver(crypto, AEAD_KEY_BYTES, secretKey, kemOutput, info, context, length),
}))
