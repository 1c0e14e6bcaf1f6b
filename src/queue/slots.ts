import { CHAIN_START_BYTES, ENTRY_TAG_BYTES } from "../crypto/chain.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { CHAIN_SLOTS, CLIENT_ID_BYTES, FORMAT_VERSION, KEY_BYTES, OVERFLOW_ENTRIES_MAX } from "../limits.ts"
import { SlotsUnreadable } from "../veil/slot-keys.ts"
import { defineVeiled, type VeiledTable } from "../veil/table.ts"
import { concat } from "../wire/bytes.ts"
import { decodeAll, Writer } from "../wire/tls.ts"

/**
 * The slots of a queue's record: a fixed number of chain starts, of which a snapshot must not tell how many are used.
 *
 * A start is sealed to the queue's owner already, and free slots hold random bytes. `slot_state` says which are used, so that a
 * restarted server never overwrites one, and where the older chains' starts are for which there is no slot (overflow.ts). Records
 * are rows of a veiled table.
 *
 *     slot_state = u8 version; u8 used; { chain id[16]; u16 month }[CHAIN_SLOTS];
 *                  u8 overflow; { nonce[8]; u16 month; u8 starts }[OVERFLOW_ENTRIES_MAX]
 *     slots      = start[CHAIN_START_BYTES][CHAIN_SLOTS]
 */

/** A queue's row. */
export type QueueRow = {
  /** At most {@link CLIENT_ID_BYTES}. */
  id: Uint8Array
  /** HPKE public key of the owner. */
  queue_key: Uint8Array
  slots: Uint8Array
  slot_state: Uint8Array
}

export const OVERFLOW_NONCE_BYTES = 8
const SLOTS_BYTES = CHAIN_SLOTS * CHAIN_START_BYTES
const STATE_BYTES =
  1 + (1 + CHAIN_SLOTS * (ENTRY_TAG_BYTES + 2)) + (1 + OVERFLOW_ENTRIES_MAX * (OVERFLOW_NONCE_BYTES + 3))

/** A veiled table of a service's queues, which a migration creates. */
export function queueTable(name: string): VeiledTable<QueueRow> {
  const columns = ["id", "queue_key", "slots", "slot_state"] as const
  return defineVeiled<QueueRow>(name, columns, CLIENT_ID_BYTES + KEY_BYTES + SLOTS_BYTES + STATE_BYTES)
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

/** A queue's row with these chains, and random bytes in the free slots. */
export function queueRow(
  crypto: CryptoProvider,
  { id, queue_key }: Pick<QueueRow, "id" | "queue_key">,
  { slots, overflow }: Recorded,
): QueueRow {
  const free = CHAIN_SLOTS - slots.length
  const state = new Writer(STATE_BYTES).u8(FORMAT_VERSION).u8(slots.length)
  for (const { chain, month } of slots) state.raw(chain).u16(month)
  state.raw(new Uint8Array(free * (ENTRY_TAG_BYTES + 2))).u8(overflow.length)
  for (const { nonce, month, starts } of overflow) state.raw(nonce).u16(month).u8(starts)
  state.raw(new Uint8Array((OVERFLOW_ENTRIES_MAX - overflow.length) * (OVERFLOW_NONCE_BYTES + 3)))
  const starts = concat(...slots.map(({ start }) => start), crypto.random(free * CHAIN_START_BYTES))
  return { id, queue_key, slots: starts, slot_state: state.view() }
}

/** All slots in the order of their chains, used ones first. */
export function startsOf({ slots }: QueueRow): Uint8Array[] {
  return Array.from({ length: CHAIN_SLOTS }, (_, slot) =>
    slots.subarray(slot * CHAIN_START_BYTES, (slot + 1) * CHAIN_START_BYTES),
  )
}

/** @throws SlotsUnreadable */
export function recordedOf(row: QueueRow): Recorded {
  const starts = startsOf(row)
  return decodeAll(row.slot_state, (reader) => {
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
