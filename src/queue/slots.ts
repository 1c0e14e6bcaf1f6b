import { CHAIN_START_BYTES, ENTRY_TAG_BYTES } from "../crypto/chain.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { CHAIN_SLOTS, FORMAT_VERSION } from "../limits.ts"
import { defineTable, type Table } from "../store/database.ts"
import { concat, utf8 } from "../wire/bytes.ts"
import { decodeAll, Writer } from "../wire/tls.ts"

/**
 * The slots of a queue's record: a fixed number of chain starts, of which a snapshot must not tell how many are used.
 *
 * A start is sealed to the queue's owner already, and free slots hold random bytes. Both columns are sealed once more
 * under the slot key, which lives outside the data, with a fresh key for each write: so two snapshots do not show
 * either which of the slots changed in between. `slot_state` says which are used, so that a restarted server never
 * overwrites one.
 *
 *     slot_state = salt[16] || AES-256-GCM { u8 version; u8 used; { chain id[16]; u16 month }[CHAIN_SLOTS] }
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

/** A queue's slots do not open: the slot key is another one, or the row is damaged. */
export class SlotsUnreadable extends Error {
  override readonly name = "SlotsUnreadable"
}

const SALT_BYTES = 16
const KEY_BYTES = 32
const NONCE = new Uint8Array(12)
const STATE_LABEL = utf8("Cinder 1 queue slot state")
const SLOTS_LABEL = utf8("Cinder 1 queue slots")

export class SlotSealer {
  readonly #crypto: CryptoProvider
  readonly #slotKey: Uint8Array

  constructor(crypto: CryptoProvider, slotKey: Uint8Array) {
    if (slotKey.length !== KEY_BYTES) throw new SlotsUnreadable("a slot key has 32 bytes")
    this.#crypto = crypto
    this.#slotKey = slotKey
  }

  /** A queue's row with these slots used, in the order of their chains, and random bytes in the others. */
  seal(id: Uint8Array, queueKey: Uint8Array, used: readonly UsedSlot[]): QueueRow {
    const salt = this.#crypto.random(SALT_BYTES)
    const state = new Writer().u8(FORMAT_VERSION).u8(used.length)
    for (const { chain, month } of used) state.raw(chain).u16(month)
    state.raw(new Uint8Array((CHAIN_SLOTS - used.length) * (ENTRY_TAG_BYTES + 2)))
    const free = this.#crypto.random((CHAIN_SLOTS - used.length) * CHAIN_START_BYTES)
    const starts = concat(...used.map(({ start }) => start), free)
    const row = {
      id,
      queue_key: queueKey,
      slots: this.#with(SLOTS_LABEL, salt, id, (key) =>
        this.#crypto.aesGcmSeal(key, NONCE, SLOTS_LABEL, starts),
      ),
      slot_state: concat(
        salt,
        this.#with(STATE_LABEL, salt, id, (key) =>
          this.#crypto.aesGcmSeal(key, NONCE, STATE_LABEL, state.view()),
        ),
      ),
    }
    state.wipe()
    return row
  }

  /** All slots in the order of their chains, used ones first. @throws SlotsUnreadable */
  starts(row: QueueRow): Uint8Array[] {
    const starts = this.#open(SLOTS_LABEL, row, row.slots)
    return Array.from({ length: CHAIN_SLOTS }, (_, slot) =>
      starts.subarray(slot * CHAIN_START_BYTES, (slot + 1) * CHAIN_START_BYTES),
    )
  }

  /** The used slots in the order of their chains. @throws SlotsUnreadable */
  used(row: QueueRow): UsedSlot[] {
    const starts = this.starts(row)
    const state = this.#open(STATE_LABEL, row, row.slot_state.subarray(SALT_BYTES))
    return decodeAll(state, (reader) => {
      if (reader.u8() !== FORMAT_VERSION) throw new SlotsUnreadable("slot state version")
      const count = reader.u8()
      const slots = starts.map((start) => {
        return { chain: reader.raw(ENTRY_TAG_BYTES).slice(), month: reader.u16(), start }
      })
      return slots.slice(0, count)
    })
  }

  #open(label: Uint8Array, row: QueueRow, sealed: Uint8Array): Uint8Array {
    const salt = row.slot_state.subarray(0, SALT_BYTES)
    return this.#with(label, salt, row.id, (key) => {
      try {
        return this.#crypto.aesGcmOpen(key, NONCE, label, sealed)
      } catch {
        throw new SlotsUnreadable("a queue's slots do not open: is the secrets file the one of this data?")
      }
    })
  }

  #with<T>(label: Uint8Array, salt: Uint8Array, id: Uint8Array, work: (key: Uint8Array) => T): T {
    const key = this.#crypto.hkdfExpand(this.#slotKey, concat(label, salt, id), KEY_BYTES)
    try {
      return work(key)
    } finally {
      wipe(key)
    }
  }
}
