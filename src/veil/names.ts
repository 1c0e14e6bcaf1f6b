import { labels } from "../crypto/labels.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { concat, utf8 } from "../wire/bytes.ts"
import type { Epochs } from "./epochs.ts"
import { SALT_BYTES, type SlotKeys } from "./slot-keys.ts"
import { type AnyVeiledTable, decodeRow, encodeRow, type StoredRow, type VeiledRow } from "./table.ts"

/**
 * How a row of a veiled table lies in the file:
 *
 *     name = HKDF-Expand(slot key, label || epoch's salt || table || 0 || id), first 16 bytes
 *     body = salt[16] || AES-256-GCM(HKDF-Expand(slot key, label || salt || name), nonce 0, aad table, Row)
 */

const NAME_BYTES = 16
const END = Uint8Array.of(0)

/** The names that a row with this id can have in an epoch, under one slot key each, the last key's first. */
export function namesIn(keys: SlotKeys, epoch: Uint8Array, table: string, id: Uint8Array): Uint8Array[] {
  return keys.derive(concat(utf8(table), END, id), labels.veilName, epoch, NAME_BYTES)
}

/** All names that a row with this id can have, the one that it gets first. */
export function namesOf(
  keys: SlotKeys,
  { current, previous }: Epochs,
  table: string,
  id: Uint8Array,
): Uint8Array[] {
  const names = namesIn(keys, current, table, id)
  return previous === undefined ? names : [...names, ...namesIn(keys, previous, table, id)]
}

export function sealRow(
  crypto: CryptoProvider,
  keys: SlotKeys,
  table: AnyVeiledTable,
  name: Uint8Array,
  row: VeiledRow,
): StoredRow {
  const salt = crypto.random(SALT_BYTES)
  const plaintext = encodeRow(table, row)
  const sealed = keys.seal({ id: name, label: labels.veilBody, salt }, utf8(table.name), plaintext)
  wipe(plaintext)
  return { name, body: concat(salt, sealed) }
}

/** @throws SlotsUnreadable */
export function openRow(keys: SlotKeys, table: AnyVeiledTable, { name, body }: StoredRow): VeiledRow {
  const use = { id: name, label: labels.veilBody, salt: body.subarray(0, SALT_BYTES) }
  return decodeRow(table, keys.open(use, utf8(table.name), body.subarray(SALT_BYTES)))
}
