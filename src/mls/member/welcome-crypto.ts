import { wipe } from "../../crypto/wipe.ts"
import type { HpkeCiphertext } from "../codec/hpke-ciphertext.ts"
import { decryptWithLabel, encryptWithLabel, expandWithLabel } from "../labels.ts"
import type { CipherSuite } from "../suite.ts"
import { welcomeSecret } from "./key-schedule.ts"

/** Encryption of a Welcome's parts (RFC 9420 section 12.4.3.1). Opening throws CryptoError. */

const NONE = new Uint8Array(0)
const NONCE_BYTES = 12
const LABEL = "Welcome"

function withKey<T>(
  suite: CipherSuite,
  joinerSecret: Uint8Array,
  pskSecret: Uint8Array,
  work: (key: Uint8Array, nonce: Uint8Array) => T,
): T {
  const secret = welcomeSecret(suite, joinerSecret, pskSecret)
  const key = expandWithLabel(suite, secret, "key", NONE, suite.aeadKeyBytes)
  const nonce = expandWithLabel(suite, secret, "nonce", NONE, NONCE_BYTES)
  try {
    return work(key, nonce)
  } finally {
    wipe(secret, key, nonce)
  }
}

export function sealGroupInfo(
  suite: CipherSuite,
  joinerSecret: Uint8Array,
  pskSecret: Uint8Array,
  groupInfo: Uint8Array,
): Uint8Array {
  return withKey(suite, joinerSecret, pskSecret, (key, nonce) => suite.aeadSeal(key, nonce, NONE, groupInfo))
}

export function openGroupInfo(
  suite: CipherSuite,
  joinerSecret: Uint8Array,
  pskSecret: Uint8Array,
  encrypted: Uint8Array,
): Uint8Array {
  return withKey(suite, joinerSecret, pskSecret, (key, nonce) => suite.aeadOpen(key, nonce, NONE, encrypted))
}

export function sealGroupSecrets(
  suite: CipherSuite,
  initKey: Uint8Array,
  encryptedGroupInfo: Uint8Array,
  groupSecrets: Uint8Array,
): HpkeCiphertext {
  return encryptWithLabel(suite, initKey, LABEL, encryptedGroupInfo, groupSecrets)
}

export function openGroupSecrets(
  suite: CipherSuite,
  initSecretKey: Uint8Array,
  encryptedGroupInfo: Uint8Array,
  sealed: HpkeCiphertext,
): Uint8Array {
  return decryptWithLabel(suite, initSecretKey, LABEL, encryptedGroupInfo, sealed)
}
