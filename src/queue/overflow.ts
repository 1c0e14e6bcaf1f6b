import { CHAIN_START_BYTES, type ChainEntry, ENTRY_BYTES, ENTRY_TAG_BYTES } from "../crypto/chain.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { FORMAT_VERSION, OVERFLOW_STARTS } from "../limits.ts"
import { SALT_BYTES, type SlotKeys, SlotsUnreadable } from "../veil/slot-keys.ts"
import { concat, utf8 } from "../wire/bytes.ts"
import { Reader, Writer } from "../wire/tls.ts"
import { OVERFLOW_NONCE_BYTES, type OverflowPlace, type UsedSlot } from "./slots.ts"

/**
 * Overflow entries: where the starts of a queue's older chains lie when its record has no slot left for them. They are
 * rows of the pool like those of messages, of the same size, under tags that look like any other's, and are, like
 * those, written into the current month, never changed and at some time deleted: so a snapshot cannot tell them from
 * messages, nor how many chains a queue has. Where a queue's are stands in its sealed `slot_state`.
 *
 *     tag   = HKDF-Expand(slot key, label || nonce[8] || queue id), first 16 bytes; the nonce is random for each entry
 *     entry = salt[16] || AES-256-GCM { u8 version; u8 used; { chain id[16]; u16 month; start }[used]; zeros }
 *     key   = HKDF-Expand(slot key, label || salt || queue id), nonce 0, associated data = tag
 */

const TAG_LABEL = utf8("Cinder 1 queue overflow tag")
const KEY_LABEL = utf8("Cinder 1 queue overflow key")
const AEAD_TAG_BYTES = 16
const PLAINTEXT_BYTES = ENTRY_BYTES - SALT_BYTES - AEAD_TAG_BYTES

if (2 + OVERFLOW_STARTS * (ENTRY_TAG_BYTES + 2 + CHAIN_START_BYTES) > PLAINTEXT_BYTES) {
  throw new Error("overflow.ts: OVERFLOW_STARTS chain starts do not fit into an entry")
}

export class OverflowSealer {
  readonly #crypto: CryptoProvider
  readonly #keys: SlotKeys

  constructor(crypto: CryptoProvider, keys: SlotKeys) {
    this.#crypto = crypto
    this.#keys = keys
  }

  /** A new entry for at most {@link OVERFLOW_STARTS} starts, in the partition of `month`. */
  seal(
    id: Uint8Array,
    month: number,
    starts: readonly UsedSlot[],
  ): { place: OverflowPlace; row: ChainEntry } {
    const place = { nonce: this.#crypto.random(OVERFLOW_NONCE_BYTES), month, starts: starts.length }
    const [tag] = this.tags(id, place) as [Uint8Array]
    const salt = this.#crypto.random(SALT_BYTES)
    const content = new Writer(PLAINTEXT_BYTES).u8(FORMAT_VERSION).u8(starts.length)
    for (const { chain, month: begun, start } of starts) content.raw(chain).u16(begun).raw(start)
    content.raw(new Uint8Array(PLAINTEXT_BYTES - content.length))
    const sealed = this.#keys.seal({ id, label: KEY_LABEL, salt }, tag, content.view())
    content.wipe()
    return { place, row: { tag, entry: concat(salt, sealed) } }
  }

  /** Where the entry may lie: under one tag for each of the slot keys, that of the last one first. */
  tags(id: Uint8Array, { nonce }: OverflowPlace): Uint8Array[] {
    return this.#keys.derive(id, TAG_LABEL, nonce, ENTRY_TAG_BYTES)
  }

  /** The starts of an entry, in the order of their chains. @throws SlotsUnreadable */
  open(id: Uint8Array, { tag, entry }: ChainEntry): UsedSlot[] {
    const use = { id, label: KEY_LABEL, salt: entry.subarray(0, SALT_BYTES) }
    const reader = new Reader(this.#keys.open(use, tag, entry.subarray(SALT_BYTES)))
    if (reader.u8() !== FORMAT_VERSION) throw new SlotsUnreadable("overflow entry version")
    return Array.from({ length: reader.u8() }, () => {
      const chain = reader.raw(ENTRY_TAG_BYTES).slice()
      return { chain, month: reader.u16(), start: reader.raw(CHAIN_START_BYTES).slice() }
    })
  }
}
