import { concat, utf8 } from "../wire/bytes.ts"
import { CryptoError, type CryptoProvider } from "./provider.ts"
import { wipe } from "./wipe.ts"

/**
 * HPKE (RFC 9180) in base mode, single shot: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM for MLS and
 * AES-256-GCM for everything of ours. The sender is not authenticated: whoever needs to know who sealed something
 * finds a signature inside. Every secret in between is overwritten before a function returns.
 */

/** Bytes of an encapsulated key. */
export const HPKE_ENC_BYTES = 32
/** By how much `seal` lengthens a plaintext: encapsulated key and tag. */
export const HPKE_OVERHEAD_BYTES = HPKE_ENC_BYTES + 16

const KEY_BYTES = 32
const NONCE_BYTES = 12
const HASH_BYTES = 32
const MODE_BASE = 0
const EMPTY = new Uint8Array(0)
const VERSION = utf8("HPKE-v1")

/** Selects the AEAD: 16 for AES-128-GCM, 32 for AES-256-GCM. */
export type AeadKeyLength = 16 | 32

/** X25519 key pair; both parts are 32 bytes. */
export interface HpkeKeyPair {
  readonly secretKey: Uint8Array
  readonly publicKey: Uint8Array
}

/** `suite_id` of the KEM (RFC 9180 section 4.1): "KEM" || 0x0020. */
const KEM_SUITE = concat(utf8("KEM"), Uint8Array.of(0x00, 0x20))
/** `suite_id` of the whole (section 5.1): "HPKE" || KEM || KDF || AEAD. */
const SUITES = {
  16: concat(utf8("HPKE"), Uint8Array.of(0x00, 0x20, 0x00, 0x01, 0x00, 0x01)),
  32: concat(utf8("HPKE"), Uint8Array.of(0x00, 0x20, 0x00, 0x01, 0x00, 0x02)),
} as const

/** `LabeledExtract` (section 4). */
function labeledExtract(
  crypto: CryptoProvider,
  suite: Uint8Array,
  salt: Uint8Array,
  label: string,
  inputKey: Uint8Array,
): Uint8Array {
  const input = concat(VERSION, suite, utf8(label), inputKey)
  const key = crypto.hkdfExtract(salt, input)
  wipe(input)
  return key
}

/** `LabeledExpand` (section 4). */
function labeledExpand(
  crypto: CryptoProvider,
  suite: Uint8Array,
  key: Uint8Array,
  label: string,
  info: Uint8Array,
  length: number,
): Uint8Array {
  const lengthBytes = Uint8Array.of(length >> 8, length & 0xff)
  return crypto.hkdfExpand(key, concat(lengthBytes, VERSION, suite, utf8(label), info), length)
}

/** `ExtractAndExpand` (section 4.1) of a Diffie-Hellman result, which is wiped. */
function kemSecret(
  crypto: CryptoProvider,
  shared: Uint8Array,
  enc: Uint8Array,
  publicKey: Uint8Array,
): Uint8Array {
  const key = labeledExtract(crypto, KEM_SUITE, EMPTY, "eae_prk", shared)
  const secret = labeledExpand(crypto, KEM_SUITE, key, "shared_secret", concat(enc, publicKey), HASH_BYTES)
  wipe(shared, key)
  return secret
}

interface Encapsulation {
  readonly enc: Uint8Array
  readonly secret: Uint8Array
}

function encapsulate(crypto: CryptoProvider, publicKey: Uint8Array): Encapsulation {
  const ephemeralSecret = crypto.random(KEY_BYTES)
  try {
    const shared = crypto.x25519(ephemeralSecret, publicKey)
    const enc = crypto.x25519Public(ephemeralSecret)
    return { enc, secret: kemSecret(crypto, shared, enc, publicKey) }
  } finally {
    wipe(ephemeralSecret)
  }
}

function decapsulate(crypto: CryptoProvider, secretKey: Uint8Array, enc: Uint8Array): Uint8Array {
  const shared = crypto.x25519(secretKey, enc)
  return kemSecret(crypto, shared, enc, crypto.x25519Public(secretKey))
}

/** The key schedule's `secret` and context (section 5.1) of the base mode; the KEM's secret is wiped. */
class Schedule {
  readonly #crypto: CryptoProvider
  readonly #suite: Uint8Array
  readonly #context: Uint8Array
  readonly #secret: Uint8Array
  readonly #keyLength: AeadKeyLength

  constructor(crypto: CryptoProvider, keyLength: AeadKeyLength, kemSecret: Uint8Array, info: Uint8Array) {
    const suite = SUITES[keyLength]
    this.#crypto = crypto
    this.#suite = suite
    this.#keyLength = keyLength
    this.#context = concat(
      Uint8Array.of(MODE_BASE),
      labeledExtract(crypto, suite, EMPTY, "psk_id_hash", EMPTY),
      labeledExtract(crypto, suite, EMPTY, "info_hash", info),
    )
    this.#secret = labeledExtract(crypto, suite, kemSecret, "secret", EMPTY)
    wipe(kemSecret)
  }

  #derive(label: string, length: number): Uint8Array {
    return labeledExpand(this.#crypto, this.#suite, this.#secret, label, this.#context, length)
  }

  /** Runs `work` with the key and the nonce of the first message. */
  withKey<T>(work: (key: Uint8Array, nonce: Uint8Array) => T): T {
    const key = this.#derive("key", this.#keyLength)
    const nonce = this.#derive("base_nonce", NONCE_BYTES)
    try {
      return work(key, nonce)
    } finally {
      wipe(key, nonce, this.#secret)
    }
  }

  /** `Context.Export` (section 5.3). */
  export(exporterContext: Uint8Array, length: number): Uint8Array {
    const exporter = this.#derive("exp", HASH_BYTES)
    try {
      return labeledExpand(this.#crypto, this.#suite, exporter, "sec", exporterContext, length)
    } finally {
      wipe(exporter, this.#secret)
    }
  }
}

/**
 * `SealBase` (RFC 9180 section 6.1) to a 32-byte public key. Throws {@link CryptoError} on a public key that is
 * unusable.
 */
export function sealBase(
  crypto: CryptoProvider,
  aeadKeyLength: AeadKeyLength,
  publicKey: Uint8Array,
  info: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
): { enc: Uint8Array; ciphertext: Uint8Array } {
  const { enc, secret } = encapsulate(crypto, publicKey)
  const schedule = new Schedule(crypto, aeadKeyLength, secret, info)
  return { enc, ciphertext: schedule.withKey((key, nonce) => crypto.aesGcmSeal(key, nonce, aad, plaintext)) }
}

/** `OpenBase` (section 6.1). Throws {@link CryptoError} on anything that does not open. */
export function openBase(
  crypto: CryptoProvider,
  aeadKeyLength: AeadKeyLength,
  secretKey: Uint8Array,
  enc: Uint8Array,
  info: Uint8Array,
  aad: Uint8Array,
  ciphertext: Uint8Array,
): Uint8Array {
  const schedule = new Schedule(crypto, aeadKeyLength, decapsulate(crypto, secretKey, enc), info)
  return schedule.withKey((key, nonce) => crypto.aesGcmOpen(key, nonce, aad, ciphertext))
}

/** `SendExportBase` (section 6.2): a secret of `length` bytes that only the receiver can derive from `enc`. */
export function exportBaseSender(
  crypto: CryptoProvider,
  aeadKeyLength: AeadKeyLength,
  publicKey: Uint8Array,
  info: Uint8Array,
  exporterContext: Uint8Array,
  length: number,
): { enc: Uint8Array; secret: Uint8Array } {
  const { enc, secret } = encapsulate(crypto, publicKey)
  return { enc, secret: new Schedule(crypto, aeadKeyLength, secret, info).export(exporterContext, length) }
}

/** `ReceiveExportBase` (section 6.2). */
export function exportBaseReceiver(
  crypto: CryptoProvider,
  aeadKeyLength: AeadKeyLength,
  secretKey: Uint8Array,
  enc: Uint8Array,
  info: Uint8Array,
  exporterContext: Uint8Array,
  length: number,
): Uint8Array {
  const secret = decapsulate(crypto, secretKey, enc)
  return new Schedule(crypto, aeadKeyLength, secret, info).export(exporterContext, length)
}

/** {@link sealBase} with AES-256-GCM, as one byte string: encapsulated key || ciphertext || tag. */
export function seal(
  crypto: CryptoProvider,
  publicKey: Uint8Array,
  info: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  const { enc, ciphertext } = sealBase(crypto, 32, publicKey, info, aad, plaintext)
  return concat(enc, ciphertext)
}

/** The reverse of {@link seal}. Throws {@link CryptoError} on anything that does not open. */
export function open(
  crypto: CryptoProvider,
  secretKey: Uint8Array,
  info: Uint8Array,
  aad: Uint8Array,
  sealed: Uint8Array,
): Uint8Array {
  if (sealed.length < HPKE_OVERHEAD_BYTES) throw new CryptoError("sealed value too short")
  const enc = sealed.subarray(0, HPKE_ENC_BYTES)
  return openBase(crypto, 32, secretKey, enc, info, aad, sealed.subarray(HPKE_ENC_BYTES))
}

/** `DeriveKeyPair` (section 7.1.3) from at least 32 bytes of secret input, which stays the caller's to wipe. */
export function deriveKeyPair(crypto: CryptoProvider, ikm: Uint8Array): HpkeKeyPair {
  const key = labeledExtract(crypto, KEM_SUITE, EMPTY, "dkp_prk", ikm)
  const secretKey = labeledExpand(crypto, KEM_SUITE, key, "sk", EMPTY, KEY_BYTES)
  wipe(key)
  return { secretKey, publicKey: crypto.x25519Public(secretKey) }
}
