import { labels } from "../crypto/labels.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { FORMAT_VERSION } from "../limits.ts"
import { defineTable, type Effect, put, type View } from "../store/database.ts"
import { concat } from "../wire/bytes.ts"
import { decodeAll, Writer } from "../wire/tls.ts"
import { SALT_BYTES, type SlotKeys, SlotsUnreadable } from "./slot-keys.ts"

/**
 * What the names of rows depend on beside the slot key: the salt of the current epoch and, while a pass gives rows their new
 * names, that of the one before. One row of one length, sealed, so that it does not show either whether a pass is under way:
 *
 *     struct { u8 version; opaque current[16]; u8 renaming; opaque previous[16]; } Epochs
 *     epochs = salt[16] || AES-256-GCM(HKDF-Expand(slot key, label || salt), nonce 0, aad label, Epochs)
 */
export interface Epochs {
  readonly current: Uint8Array
  /** undefined: all names are of the current epoch. */
  readonly previous: Uint8Array | undefined
}

const epochsTable = defineTable<{ id: number; epochs: Uint8Array }>("veil_epochs", ["id"], ["id", "epochs"])
const ID = 0
const ZEROS = new Uint8Array(SALT_BYTES)
const NOTHING = new Uint8Array(0)

/** Before the first pass. */
export const firstEpoch: Epochs = { current: ZEROS, previous: undefined }

/** The next epoch; the current one becomes the one before it. */
export function nextEpoch(crypto: CryptoProvider, { current }: Epochs): Epochs {
  return { current: crypto.random(SALT_BYTES), previous: current }
}

/** undefined: they were never written. @throws SlotsUnreadable */
export function readEpochs(view: Pick<View, "get">, keys: SlotKeys): Epochs | undefined {
  const row = view.get(epochsTable, { id: ID })
  return row === undefined ? undefined : openEpochs(row.epochs, keys)
}

/** @throws SlotsUnreadable */
export function openEpochs(sealed: Uint8Array, keys: SlotKeys): Epochs {
  const use = { id: NOTHING, label: labels.veilEpochs, salt: sealed.subarray(0, SALT_BYTES) }
  return decodeAll(keys.open(use, labels.veilEpochs, sealed.subarray(SALT_BYTES)), (reader) => {
    if (reader.u8() !== FORMAT_VERSION) throw new SlotsUnreadable("epochs version")
    const current = reader.raw(SALT_BYTES).slice()
    const renaming = reader.u8() === 1
    const previous = reader.raw(SALT_BYTES).slice()
    return { current, previous: renaming ? previous : undefined }
  })
}

export function writeEpochs(crypto: CryptoProvider, keys: SlotKeys, { current, previous }: Epochs): Effect {
  const salt = crypto.random(SALT_BYTES)
  const content = new Writer(2 + 2 * SALT_BYTES).u8(FORMAT_VERSION).raw(current)
  content.u8(previous === undefined ? 0 : 1).raw(previous ?? ZEROS)
  const sealed = keys.seal({ id: NOTHING, label: labels.veilEpochs, salt }, labels.veilEpochs, content.view())
  content.wipe()
  return put(epochsTable, { id: ID, epochs: concat(salt, sealed) })
}
