import { CryptoError, type CryptoProvider } from "../crypto/provider.ts"
import { isZero, wipe } from "../crypto/wipe.ts"
import { concat } from "./bytes.ts"
import { CodecError, Reader, Writer } from "./tls.ts"

/**
 * Small structures under a symmetric key that only clients have: AES-256-GCM with a random nonce in front, the
 * plaintext filled with zeros to one length per kind of structure, so that no ciphertext's length says anything of
 * its content.
 *
 *     struct { opaque nonce[12]; opaque ciphertext[paddedBytes + 16]; }
 */

const NONCE_BYTES = 12

/** By how much a sealed structure is longer than its padded plaintext. */
export const SEALED_OVERHEAD_BYTES = NONCE_BYTES + 16

/** Encodes one structure, filled with zeros to `paddedBytes`. The result holds secrets: wipe it. */
export function encodePadded(paddedBytes: number, write: (writer: Writer) => void): Uint8Array {
  const writer = new Writer(paddedBytes)
  write(writer)
  if (writer.length > paddedBytes) throw new CodecError("structure longer than its padding")
  const padded = new Uint8Array(paddedBytes)
  padded.set(writer.view())
  writer.wipe()
  return padded
}

/** The reverse of {@link encodePadded}. Throws CodecError unless the structure and nothing but zeros is there. */
export function decodePadded<T>(padded: Uint8Array, paddedBytes: number, read: (reader: Reader) => T): T {
  if (padded.length !== paddedBytes) throw new CodecError("padded length")
  const reader = new Reader(padded)
  const value = read(reader)
  if (!isZero(padded.subarray(reader.offset))) throw new CodecError("padding")
  return value
}

/** Seals `plaintext`, which is wiped, under a 32-byte key. */
export function sealSymmetric(
  crypto: CryptoProvider,
  key: Uint8Array,
  associatedData: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  try {
    if (key.length !== 32) throw new CryptoError("key length")
    const nonce = crypto.random(NONCE_BYTES)
    return concat(nonce, crypto.aesGcmSeal(key, nonce, associatedData, plaintext))
  } finally {
    wipe(plaintext)
  }
}

/** The reverse. Throws CryptoError on anything that does not open. The result is the caller's to wipe. */
export function openSymmetric(
  crypto: CryptoProvider,
  key: Uint8Array,
  associatedData: Uint8Array,
  sealed: Uint8Array,
): Uint8Array {
  if (key.length !== 32 || sealed.length < SEALED_OVERHEAD_BYTES) throw new CryptoError("sealed structure")
  const nonce = sealed.subarray(0, NONCE_BYTES)
  return crypto.aesGcmOpen(key, nonce, associatedData, sealed.subarray(NONCE_BYTES))
}
