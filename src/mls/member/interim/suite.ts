import {
  deriveKeyPair,
  exportBaseReceiver,
  exportBaseSender,
  openBase,
  sealBase,
} from "../../../crypto/hpke.ts"
import type { CryptoProvider } from "../../../crypto/provider.ts"
import type { CipherSuite as PureCipherSuite } from "../../suite.ts"

const NONE = new Uint8Array(0)
const KEY_BYTES = 32
const AEAD_KEY_BYTES = 16

/**
 * A cipher suite together with the primitives it is made of, for as long as the tree and the observer take primitives
 * where members take a suite.
 */
export type CipherSuite = PureCipherSuite & CryptoProvider

/** MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519 (RFC 9420 section 17.1) over either set of primitives. */
export function suite1(crypto: CryptoProvider): CipherSuite {
  return {
    ...crypto,
    id: 1,
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
