import { FORMAT_VERSION } from "../limits.ts"
import { equalConstantTime } from "../wire/bytes.ts"
import { Writer } from "../wire/tls.ts"
import { labels } from "./labels.ts"
import { CryptoError, type CryptoProvider } from "./provider.ts"
import { isZero, wipe } from "./wipe.ts"

/**
 * Encryption at rest of a group's two records (docs/protocol.md section 5.1).
 *
 * From the client's EAR key, a salt that is fresh for every write and the purpose, HKDF derives a one-use
 * AES-256-GCM key, so the nonce can be fixed, and a commitment: AES-GCM alone would let one ciphertext open under
 * two keys. Associated data bind the record to its purpose, group and write counter; whoever opens it says which
 * counter it expects, so an older record is refused like a foreign one.
 */

/** Bytes of a client's EAR key, of a salt and of a commitment. */
export const EAR_KEY_BYTES = 32
/** By how much a ciphertext is longer than the padded length: u32 length prefix and tag. */
export const EAR_OVERHEAD_BYTES = 4 + 16

const LENGTH_PREFIX_BYTES = 4
const NONCE = new Uint8Array(12)

export type EarPurpose = "head" | "tree"

/** One sealed record; the parts stay apart because joining large ones costs more than sealing them. */
export interface SealedRecord {
  /** 32 random bytes, fresh for every write. */
  readonly salt: Uint8Array
  /** 32 bytes that only the right EAR key reproduces. */
  readonly commitment: Uint8Array
  /** Padded content with its 16-byte tag. */
  readonly ciphertext: Uint8Array
}

const PURPOSES = {
  head: { name: labels.earHead, key: labels.earHeadKey, commitment: labels.earHeadCommitment },
  tree: { name: labels.earTree, key: labels.earTreeKey, commitment: labels.earTreeCommitment },
} as const

interface Derived {
  readonly key: Uint8Array
  readonly commitment: Uint8Array
}

function derive(crypto: CryptoProvider, earKey: Uint8Array, purpose: EarPurpose, salt: Uint8Array): Derived {
  if (earKey.length !== EAR_KEY_BYTES) throw new CryptoError("ear key length")
  const pseudoRandomKey = crypto.hkdfExtract(salt, earKey)
  const key = crypto.hkdfExpand(pseudoRandomKey, PURPOSES[purpose].key, 32)
  const commitment = crypto.hkdfExpand(pseudoRandomKey, PURPOSES[purpose].commitment, 32)
  wipe(pseudoRandomKey)
  return { key, commitment }
}

/** TLS { u8 version; opaque purpose<V>; opaque group_id<V>; u64 counter }. */
function associatedData(purpose: EarPurpose, groupId: Uint8Array, counter: bigint): Uint8Array {
  const { name } = PURPOSES[purpose]
  const writer = new Writer(name.length + groupId.length + 32)
  return writer.u8(FORMAT_VERSION).opaque(name).opaque(groupId).u64(counter).finish()
}

/**
 * Begins a record in an empty writer; what is written after it is its content. Records have megabytes: each is put together,
 * padded and sealed in one buffer.
 */
export function beginRecord(writer: Writer): Writer {
  return writer.u32(0)
}

/** Bytes of a record's content so far. */
export function contentBytes(record: Writer): number {
  return record.length - LENGTH_PREFIX_BYTES
}

/** Pads a record, with room for the tag; a view of the writer's own buffer. */
function padded(record: Writer, paddedLength: number): Uint8Array {
  const length = contentBytes(record)
  if (!Number.isSafeInteger(paddedLength) || length > paddedLength || paddedLength > 0xffff_ffff) {
    throw new CryptoError("padded length")
  }
  const bytes = record.padTo(paddedLength + EAR_OVERHEAD_BYTES).view()
  new DataView(bytes.buffer).setUint32(0, length)
  return bytes
}

/** The content, as a view of the padded bytes. */
function unpad(padded: Uint8Array): Uint8Array {
  if (padded.length < LENGTH_PREFIX_BYTES) throw new CryptoError("record padding")
  const end = LENGTH_PREFIX_BYTES + new DataView(padded.buffer, padded.byteOffset).getUint32(0)
  if (end > padded.length || !isZero(padded.subarray(end))) throw new CryptoError("record padding")
  return padded.subarray(LENGTH_PREFIX_BYTES, end)
}

/**
 * Seals a record that {@link beginRecord} began under a client's 32-byte EAR key, padded with zeros to `paddedLength` bytes of
 * content (see `padding.ts`), so that the ciphertext has `paddedLength + EAR_OVERHEAD_BYTES`. The ciphertext takes the place of
 * the record in the writer's buffer. Throws {@link CryptoError} if the content does not fit; then the record stays the caller's
 * to wipe, as the key does.
 */
export function sealRecord(
  crypto: CryptoProvider,
  earKey: Uint8Array,
  purpose: EarPurpose,
  groupId: Uint8Array,
  counter: bigint,
  record: Writer,
  paddedLength: number,
): SealedRecord {
  const aad = associatedData(purpose, groupId, counter)
  const buffer = padded(record, paddedLength)
  const salt = crypto.random(EAR_KEY_BYTES)
  const { key, commitment } = derive(crypto, earKey, purpose, salt)
  try {
    crypto.aesGcmSealInPlace(key, NONCE, aad, buffer)
    return { salt, commitment, ciphertext: buffer }
  } finally {
    wipe(key)
  }
}

/**
 * Opens a record. Throws the same {@link CryptoError} for a wrong key, purpose, group or counter and for a changed
 * record; the commitment is compared, in constant time, before anything is decrypted. The result is a view of the
 * only buffer that held the plaintext: wiping it leaves nothing but its length.
 */
export function openRecord(
  crypto: CryptoProvider,
  earKey: Uint8Array,
  purpose: EarPurpose,
  groupId: Uint8Array,
  counter: bigint,
  record: SealedRecord,
): Uint8Array {
  const aad = associatedData(purpose, groupId, counter)
  if (record.salt.length !== EAR_KEY_BYTES) throw new CryptoError("record does not open")
  const { key, commitment } = derive(crypto, earKey, purpose, record.salt)
  let padded: Uint8Array | undefined
  try {
    if (!equalConstantTime(commitment, record.commitment)) throw new CryptoError("record does not open")
    padded = crypto.aesGcmOpen(key, NONCE, aad, record.ciphertext)
    return unpad(padded)
  } catch {
    wipe(padded)
    throw new CryptoError("record does not open")
  } finally {
    wipe(key, commitment)
  }
}
