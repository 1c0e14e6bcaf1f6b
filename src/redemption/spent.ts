import { defineTable, type Reader, type Table } from "../store/database.ts"

export type SpentTable = Table<{ nonce: Uint8Array }>

/**
 * The nonces that were spent under one key: a run-time table that goes with the key. A nonce is 32 bytes that its client
 * chose at random and that the issuer never saw; the table is in their order.
 */
export function spentTable(prefix: string, keyName: string): SpentTable {
  return tableOf(`${prefix}_${keyName}`)
}

/** All such tables that exist. */
export function spentTables(store: Reader, prefix: string): SpentTable[] {
  return store.partitions(`${prefix}_`).map(tableOf)
}

/** There are two or three in a service. */
const made = new Map<string, SpentTable>()

function tableOf(name: string): SpentTable {
  const known = made.get(name)
  if (known !== undefined) return known
  const definition = "(nonce BLOB NOT NULL PRIMARY KEY) WITHOUT ROWID, STRICT"
  const table = defineTable<{ nonce: Uint8Array }>(name, ["nonce"], ["nonce"], { runTime: { definition } })
  made.set(name, table)
  return table
}
