import type { CryptoProvider } from "../../crypto/provider.ts"
import { wipe } from "../../crypto/wipe.ts"
import { concat, utf8 } from "../../wire/bytes.ts"
import type { CipherSuite, HpkeKeyPair } from "../suite.ts"

/**
 * HPKE (RFC 9180) in base mode for the suites that crypto/hpke.ts does not have: any Diffie-Hellman KEM and any AEAD,
 * always with HKDF-SHA256. Every secret in between is overwritten before a function returns.
 */

const HASH_BYTES = 32
const NONCE_BYTES = 12
const IKM_BYTES = 32
const MODE_BASE = 0
const KDF_HKDF_SHA256 = 1
const NONE = new Uint8Array(0)
const VERSION = utf8("HPKE-v1")

/** `LabeledExpand` of the KEM, with one key. */
export type ExpandCandidate = (label: string, info: Uint8Array) => Uint8Array

/** A Diffie-Hellman KEM over one group (section 4.1). What cannot be used throws CryptoError. */
export interface DhKem {
  /** Of the registry in section 7.1. */
  readonly id: number
  isPublicKey(publicKey: Uint8Array): boolean
  publicKey(secretKey: Uint8Array): Uint8Array
  /** The Diffie-Hellman result, 32 bytes. */
  agree(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array
  /** The secret key of `DeriveKeyPair` (section 7.1.3). */
  deriveSecretKey(expand: ExpandCandidate): Uint8Array
}

export type AeadParts = Pick<CipherSuite, "aeadSeal" | "aeadOpen" | "aeadKeyBytes">

type Aead = AeadParts & {
  /** Of the registry in section 7.3. */
  readonly aeadId: number
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff)
}

type HpkeParts = Pick<
  CipherSuite,
  | "isHpkePublicKey"
  | "hpkePublic"
  | "hpkeDeriveKeyPair"
  | "hpkeSeal"
  | "hpkeOpen"
  | "hpkeExportSender"
  | "hpkeExportReceiver"
>

/** HPKE as a cipher suite has it, over a KEM and an AEAD. */
export function hpkeParts(crypto: CryptoProvider, kem: DhKem, aead: Aead): HpkeParts {
  const kemSuite = concat(utf8("KEM"), u16(kem.id))
  const wholeSuite = concat(utf8("HPKE"), u16(kem.id), u16(KDF_HKDF_SHA256), u16(aead.aeadId))

  function extract(suite: Uint8Array, salt: Uint8Array, label: string, inputKey: Uint8Array): Uint8Array {
    const input = concat(VERSION, suite, utf8(label), inputKey)
    const key = crypto.hkdfExtract(salt, input)
    wipe(input)
    return key
  }

  function expand(suite: Uint8Array, key: Uint8Array, label: string, info: Uint8Array, length: number) {
    return crypto.hkdfExpand(key, concat(u16(length), VERSION, suite, utf8(label), info), length)
  }

  function deriveKeyPair(ikm: Uint8Array): HpkeKeyPair {
    const key = extract(kemSuite, NONE, "dkp_prk", ikm)
    try {
      const secretKey = kem.deriveSecretKey((label, info) => expand(kemSuite, key, label, info, HASH_BYTES))
      return { secretKey, publicKey: kem.publicKey(secretKey) }
    } finally {
      wipe(key)
    }
  }

  /** `ExtractAndExpand` (section 4.1) of an agreement, which is wiped. */
  function kemSecret(agreed: Uint8Array, kemOutput: Uint8Array, publicKey: Uint8Array): Uint8Array {
    const key = extract(kemSuite, NONE, "eae_prk", agreed)
    const secret = expand(kemSuite, key, "shared_secret", concat(kemOutput, publicKey), HASH_BYTES)
    wipe(agreed, key)
    return secret
  }

  function encapsulate(publicKey: Uint8Array): { kemOutput: Uint8Array; shared: Uint8Array } {
    const ikm = crypto.random(IKM_BYTES)
    const ephemeral = deriveKeyPair(ikm)
    try {
      const agreed = kem.agree(ephemeral.secretKey, publicKey)
      return { kemOutput: ephemeral.publicKey, shared: kemSecret(agreed, ephemeral.publicKey, publicKey) }
    } finally {
      wipe(ikm, ephemeral.secretKey)
    }
  }

  function decapsulate(secretKey: Uint8Array, kemOutput: Uint8Array): Uint8Array {
    return kemSecret(kem.agree(secretKey, kemOutput), kemOutput, kem.publicKey(secretKey))
  }

  /** Runs `work` with what derives from the key schedule (section 5.1); the KEM's secret is wiped. */
  function scheduled<T>(
    shared: Uint8Array,
    info: Uint8Array,
    work: (derive: (label: string, length: number) => Uint8Array) => T,
  ): T {
    const pskIdHash = extract(wholeSuite, NONE, "psk_id_hash", NONE)
    const infoHash = extract(wholeSuite, NONE, "info_hash", info)
    const context = concat(Uint8Array.of(MODE_BASE), pskIdHash, infoHash)
    const secret = extract(wholeSuite, shared, "secret", NONE)
    try {
      return work((label, length) => expand(wholeSuite, secret, label, context, length))
    } finally {
      wipe(shared, secret)
    }
  }

  function withKey(
    shared: Uint8Array,
    info: Uint8Array,
    work: (key: Uint8Array, nonce: Uint8Array) => Uint8Array,
  ): Uint8Array {
    return scheduled(shared, info, (derive) => {
      const key = derive("key", aead.aeadKeyBytes)
      const nonce = derive("base_nonce", NONCE_BYTES)
      try {
        return work(key, nonce)
      } finally {
        wipe(key, nonce)
      }
    })
  }

  function exported(shared: Uint8Array, info: Uint8Array, context: Uint8Array, length: number): Uint8Array {
    return scheduled(shared, info, (derive) => {
      const exporter = derive("exp", HASH_BYTES)
      try {
        return expand(wholeSuite, exporter, "sec", context, length)
      } finally {
        wipe(exporter)
      }
    })
  }

  return {
    isHpkePublicKey: (publicKey) => kem.isPublicKey(publicKey),
    hpkePublic: (secretKey) => kem.publicKey(secretKey),
    hpkeDeriveKeyPair: deriveKeyPair,
    hpkeSeal(publicKey, info, plaintext) {
      const { kemOutput, shared } = encapsulate(publicKey)
      const ciphertext = withKey(shared, info, (key, nonce) => aead.aeadSeal(key, nonce, NONE, plaintext))
      return { kemOutput, ciphertext }
    },
    hpkeOpen: (secretKey, info, { kemOutput, ciphertext }) =>
      withKey(decapsulate(secretKey, kemOutput), info, (key, nonce) =>
        aead.aeadOpen(key, nonce, NONE, ciphertext),
      ),
    hpkeExportSender(publicKey, info, context, length) {
      const { kemOutput, shared } = encapsulate(publicKey)
      return { kemOutput, secret: exported(shared, info, context, length) }
    },
    hpkeExportReceiver: (secretKey, kemOutput, info, context, length) =>
      exported(decapsulate(secretKey, kemOutput), info, context, length),
  }
}
