import { CHAIN_START_BYTES, ENTRY_TAG_BYTES } from "../crypto/chain.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { CHAIN_SLOTS, FORMAT_VERSION, OVERFLOW_ENTRIES_MAX } from "../limits.ts"
import { defineTable, type Table } from "../store/database.ts"
import { concat, utf8 } from "../wire/bytes.ts"
import { decodeAll, Writer } from "../wire/tls.ts"
import { SALT_BYTES, type SlotKeys, SlotsUnreadable } from "./slot-keys.ts"

/**
 * The slots of a queue's record: a fixed number of chain starts, of which a snapshot must not tell how many are used.
 *
 * A start is sealed to the queue's owner already, and free slots hold random bytes. Both columns are sealed once more
 * under the slot key, which lives outside the data, with a fresh key for each write: so two snapshots do not show
 * either which of the slots changed in between. `slot_state` says which are used, so that a restarted server never
 * overwrites one, and where the older chains' starts are for which there is no slot (overflow.ts).
 *
 *     slot_state = salt[16] || AES-256-GCM {
 *                    u8 version; u8 used; { chain id[16]; u16 month }[CHAIN_SLOTS];
 *                    u8 overflow; { nonce[8]; u16 month; u8 starts }[OVERFLOW_ENTRIES_MAX] }
 *     slots      = AES-256-GCM { start[CHAIN_START_BYTES] }[CHAIN_SLOTS]
 *     key        = HKDF-Expand(slot key, label || salt || queue id), nonce 0, associated data = label
 */

/** A queue's row, in a table that a migration creates with exactly these columns. */
export type QueueRow = {
  id: Uint8Array
  /** HPKE public key of the owner. */
  queue_key: Uint8Array
  slots: Uint8Array
  slot_state: Uint8Array
}

export function queueTable(name: string): Table<QueueRow> {
  return defineTable<QueueRow>(name, ["id"], ["id", "queue_key", "slots", "slot_state"])
}

/** A chain whose start is kept. */
export interface UsedSlot {
  /** Chain id, 16 bytes. */
  readonly chain: Uint8Array
  readonly month: number
  /** {@link CHAIN_START_BYTES} bytes. */
  readonly start: Uint8Array
}

/** An overflow entry, as its record names it. */
export interface OverflowPlace {
  /** {@link OVERFLOW_NONCE_BYTES} random bytes, from which its tag comes. */
  readonly nonce: Uint8Array
  /** The partition that it lies in. */
  readonly month: number
  /** How many chain starts were put into it. */
  readonly starts: number
}

/** What a record says about its queue's chains: the overflow's come before those in slots, older ones first. */
export interface Recorded {
  readonly overflow: readonly OverflowPlace[]
  readonly slots: readonly UsedSlot[]
}

export const OVERFLOW_NONCE_BYTES = 8
const STATE_LABEL = utf8("Cinder 1 queue slot state")
const SLOTS_LABEL = utf8("Cinder 1 queue slots")

export class SlotSealer {
  readonly #crypto: CryptoProvider
  readonly #keys: SlotKeys

  constructor(crypto: CryptoProvider, keys: SlotKeys) {
    this.#crypto = crypto
    this.#keys = keys
  }

  /** A queue's row with these chains, and random bytes in the free slots. */
  seal(id: Uint8Array, queueKey: Uint8Array, { slots, overflow }: Recorded): QueueRow {
    const salt = this.#crypto.random(SALT_BYTES)
    const free = CHAIN_SLOTS - slots.length
    const state = new Writer(1024).u8(FORMAT_VERSION).u8(slots.length)
    for (const { chain, month } of slots) state.raw(chain).u16(month)
    state.raw(new Uint8Array(free * (ENTRY_TAG_BYTES + 2))).u8(overflow.length)
    for (const { nonce, month, starts } of overflow) state.raw(nonce).u16(month).u8(starts)
    state.raw(new Uint8Array((OVERFLOW_ENTRIES_MAX - overflow.length) * (OVERFLOW_NONCE_BYTES + 3)))
    const starts = concat(...slots.map(({ start }) => start), this.#crypto.random(free * CHAIN_START_BYTES))
    const sealedState = this.#keys.seal({ id, label: STATE_LABEL, salt }, STATE_LABEL, state.view())
    state.wipe()
    return {
      id,
      queue_key: queueKey,
      slots: this.#keys.seal({ id, label: SLOTS_LABEL, salt }, SLOTS_LABEL, starts),
      slot_state: concat(salt, sealedState),
    }
  }

  /** All slots in the order of their chains, used ones first. @throws SlotsUnreadable */
  starts({ id, slots, slot_state }: QueueRow): Uint8Array[] {
    const salt = slot_state.subarray(0, SALT_BYTES)
    const starts = this.#keys.open({ id, label: SLOTS_LABEL, salt }, SLOTS_LABEL, slots)
    return Array.from({ length: CHAIN_SLOTS }, (_, slot) =>
      starts.subarray(slot * CHAIN_START_BYTES, (slot + 1) * CHAIN_START_BYTES),
    )
  }

  /** @throws SlotsUnreadable */
  read(row: QueueRow): Recorded {
    const starts = this.starts(row)
    const salt = row.slot_state.subarray(0, SALT_BYTES)
    const use = { id: row.id, label: STATE_LABEL, salt }
    const state = this.#keys.open(use, STATE_LABEL, row.slot_state.subarray(SALT_BYTES))
    return decodeAll(state, (reader) => {
      if (reader.u8() !== FORMAT_VERSION) throw new SlotsUnreadable("slot state version")
      const used = reader.u8()
      const slots = starts.map((start): UsedSlot => {
        return { chain: reader.raw(ENTRY_TAG_BYTES).slice(), month: reader.u16(), start }
      })
      const overflowing = reader.u8()
      const overflow = Array.from({ length: OVERFLOW_ENTRIES_MAX }, (): OverflowPlace => {
        return { nonce: reader.raw(OVERFLOW_NONCE_BYTES).slice(), month: reader.u16(), starts: reader.u8() }
      })
      return { slots: slots.slice(0, used), overflow: overflow.slice(0, overflowing) }
    })
  }
}
