import { labels } from "./labels.ts"
import { CryptoError, type CryptoProvider } from "./provider.ts"
import { isZero, wipe } from "./wipe.ts"

/**
 * One entry of a queue's chain (docs/protocol.md section 6.2): its tag, its key and its fixed-size content.
 *
 * Entry = AES-256-GCM(message key, nonce 0, aad = tag, u8 position || u16 length || content || zeros), where each
 * message key is used once, so that the nonce can be fixed.
 */

/** Stored bytes of an entry, tag of the AEAD included: every entry of the pool has this length. */
export const ENTRY_BYTES = 1024
/** Bytes of an entry's tag in the pool, and of a chain's id. */
export const ENTRY_TAG_BYTES = 16
/** Content bytes that one entry carries. */
export const FRAGMENT_BYTES = ENTRY_BYTES - 16 - 3

const KEY_BYTES = 32
const NONCE = new Uint8Array(12)

/** Where a fragment stands in its message: bit 0 marks the first, bit 1 the last. */
export type Position = 0 | 1 | 2 | 3
export const FIRST = 1
export const LAST = 2

/** An entry as the pool keeps it. */
export interface ChainEntry {
  /** 16 bytes that look random without the address key. */
  readonly tag: Uint8Array
  /** {@link ENTRY_BYTES} bytes. */
  readonly entry: Uint8Array
}

/** What an opened entry held. */
export interface Fragment {
  readonly position: Position
  readonly content: Uint8Array
}

/** First 16 bytes of HKDF-Expand(address key, "Cinder 1 queue tag" || u64 index). */
export function entryTag(crypto: CryptoProvider, addressKey: Uint8Array, index: number): Uint8Array {
  if (!Number.isSafeInteger(index) || index < 0) throw new CryptoError("entry index")
  return crypto.hkdfExpand(addressKey, tagInfo(index), ENTRY_TAG_BYTES)
}

/** "Cinder 1 queue tag" || u64 index. Written by hand, because it is made for every entry that is looked up. */
function tagInfo(index: number): Uint8Array {
  const info = new Uint8Array(labels.queueTag.length + 8)
  info.set(labels.queueTag)
  for (let at = info.length - 1, rest = index; rest > 0; at--, rest = Math.floor(rest / 256))
    info[at] = rest % 256
  return info
}

/** `k_(i+1)` from `k_i`, which stays the caller's to wipe. */
export function nextChainKey(crypto: CryptoProvider, chainKey: Uint8Array): Uint8Array {
  return crypto.hkdfExpand(chainKey, labels.queueNext, KEY_BYTES)
}

/** Seals one fragment of at most {@link FRAGMENT_BYTES} under `k_i`. */
export function sealFragment(
  crypto: CryptoProvider,
  chainKey: Uint8Array,
  tag: Uint8Array,
  { position, content }: Fragment,
): Uint8Array {
  const padded = new Uint8Array(3 + FRAGMENT_BYTES)
  padded[0] = position
  padded[1] = content.length >> 8
  padded[2] = content.length & 0xff
  padded.set(content, 3)
  const key = crypto.hkdfExpand(chainKey, labels.queueKey, KEY_BYTES)
  const entry = crypto.aesGcmSeal(key, NONCE, tag, padded)
  wipe(key, padded)
  return entry
}

/**
 * Opens one entry under `k_i`. Throws {@link CryptoError} if it does not open or is not what `sealFragment` makes:
 * the last fragment of several is never empty, the others are always full, and padding is zero.
 */
export function openFragment(
  crypto: CryptoProvider,
  chainKey: Uint8Array,
  tag: Uint8Array,
  entry: Uint8Array,
): Fragment {
  if (entry.length !== ENTRY_BYTES) throw new CryptoError("entry length")
  const key = crypto.hkdfExpand(chainKey, labels.queueKey, KEY_BYTES)
  let padded: Uint8Array | undefined
  try {
    padded = crypto.aesGcmOpen(key, NONCE, tag, entry)
    return parse(padded)
  } catch {
    throw new CryptoError("entry does not open")
  } finally {
    wipe(key, padded)
  }
}

function parse(padded: Uint8Array): Fragment {
  const position = padded[0]!
  const length = (padded[1]! << 8) | padded[2]!
  if (position > (FIRST | LAST) || length > FRAGMENT_BYTES) throw new CryptoError("entry header")
  if ((position & LAST) === 0 && length !== FRAGMENT_BYTES) throw new CryptoError("entry header")
  if (position === LAST && length === 0) throw new CryptoError("entry header")
  if (!isZero(padded.subarray(3 + length))) throw new CryptoError("entry padding")
  return { position: position as Position, content: padded.slice(3, 3 + length) }
}
