import { deriveKeyPair, exportBaseReceiver, exportBaseSender, openBase, sealBase } from "../../crypto/hpke.ts"
import type { CryptoProvider } from "../../crypto/provider.ts"
import { CIPHER_SUITE_X25519_AES128GCM_SHA256_ED25519 } from "../codec/protocol.ts"
import type { CipherSuite } from "../suite.ts"

const NONE = new Uint8Array(0)
const KEY_BYTES = 32
const AEAD_KEY_BYTES = 16

const suites = new WeakMap<CryptoProvider, CipherSuite>()

/**
 * MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519 (RFC 9420 section 17.1) over a set of primitives: the same object every
 * time, so that asking for it costs nothing. Signature secret keys are 32-byte seeds; all keys are 32 bytes.
 */
export function suite1(crypto: CryptoProvider): CipherSuite {
  const known = suites.get(crypto)
  if (known !== undefined) return known
  const made = Object.freeze(makeSuite1(crypto))
  suites.set(crypto, made)
  return made
}

function makeSuite1(crypto: CryptoProvider): CipherSuite {
  return {
    id: CIPHER_SUITE_X25519_AES128GCM_SHA256_ED25519,
    aeadKeyBytes: AEAD_KEY_BYTES,
    random: (length) => crypto.random(length),
    hash: (data) => crypto.sha256(data),
    mac: (key, data) => crypto.hmacSha256(key, data),
    kdfExtract: (salt, inputKey) => crypto.hkdfExtract(salt, inputKey),
    kdfExpand: (secret, info, length) => crypto.hkdfExpand(secret, info, length),
    aeadSeal: (key, nonce, aad, plaintext) => crypto.aesGcmSeal(key, nonce, aad, plaintext),
    aeadOpen: (key, nonce, aad, ciphertext) => crypto.aesGcmOpen(key, nonce, aad, ciphertext),
    generateSignatureSecret: () => crypto.random(KEY_BYTES),
    signaturePublic: (secretKey) => crypto.ed25519Public(secretKey),
    sign: (secretKey, message) => crypto.ed25519Sign(secretKey, message),
    verify: (publicKey, message, signature) => crypto.ed25519Verify(publicKey, message, signature),
    isHpkePublicKey: (publicKey) => publicKey.length === KEY_BYTES,
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
  }
}
