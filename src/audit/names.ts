import type { CryptoProvider } from "../crypto/provider.ts"
import { firstEpoch, openEpochs } from "../veil/epochs.ts"
import { namesOf } from "../veil/names.ts"
import { SlotKeys } from "../veil/slot-keys.ts"
import { concat, fromHex, toHex } from "../wire/bytes.ts"
import type { Snapshot } from "./evidence.ts"
import type { Pair, Truth } from "./truth.ts"

/**
 * Veiled rows have names that only the server's secrets tell. Whoever has the secrets of a server of their own translates the
 * truth about it into the names of one snapshot; the attacks never see the secrets.
 */

/** In the order of their making, as the secrets file has them. */
export interface NamingKeys {
  readonly connectionSlotKeys: readonly Uint8Array[]
  readonly queueSlotKeys: readonly Uint8Array[]
}

/** Which rows of a QS client stand for its queue. */
export const QUEUE_ROWS = ["qs_queue", "qs_client", "qs_add_package"] as const
export type QueueRows = (typeof QUEUE_ROWS)[number]

/** The number of the AddPackage that every client has, behind its id. */
const LAST_RESORT = Uint8Array.of(0)

/**
 * The same truth, in which queues and aliases are called by the names of their rows in this snapshot. Entries have names of
 * their own.
 *
 * @throws SlotsUnreadable the keys are those of another server
 */
export function namedAs(
  crypto: CryptoProvider,
  truth: Truth,
  snapshot: Snapshot,
  keys: NamingKeys,
  rows: QueueRows = "qs_queue",
): Truth {
  const rowOf = namer(snapshot, new SlotKeys(crypto, keys.queueSlotKeys), rows)
  const queue = (id: string) => {
    const client = fromHex(id)
    return rowOf(rows === "qs_add_package" ? concat(client, LAST_RESORT) : client)
  }
  const aliasOf = namer(snapshot, new SlotKeys(crypto, keys.connectionSlotKeys), "as_alias")
  return {
    groups: truth.groups.map((members) => members.map(queue)),
    pseudonyms: truth.pseudonyms.map(([user, id]): Pair => [user, queue(id)]),
    aliases: truth.aliases.map(([alias, user]): Pair => [aliasOf(fromHex(alias)), user]),
    entries: truth.entries.map(([tag, id]): Pair => [tag, queue(id)]),
  }
}

/** What the snapshot calls the rows of a table, by their ids; of rows that are not there, what it would call them. */
function namer(snapshot: Snapshot, keys: SlotKeys, name: string): (id: Uint8Array) => string {
  const tables = snapshot.databases
    .map(({ contents }) => contents.tables)
    .find((some) => some.some((table) => table.name === name))
  const valuesOf = (table: string, column: string) => {
    const rows = tables?.find((one) => one.name === table)?.rows ?? []
    return rows.map(({ values }) => values.get(column) as Uint8Array)
  }
  const [sealed] = valuesOf("veil_epochs", "epochs")
  const epochs = sealed === undefined ? firstEpoch : openEpochs(sealed, keys)
  const there = new Set(valuesOf(name, "name").map(toHex))
  return (id) => {
    const names = namesOf(keys, epochs, name, id).map(toHex)
    return names.find((one) => there.has(one)) ?? (names[0] as string)
  }
}
