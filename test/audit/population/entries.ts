import { readSnapshot } from "../../../src/audit/evidence.ts"
import type { Pair } from "../../../src/audit/truth.ts"
import type { Secrets } from "../../../src/config/secrets.ts"
import { ChainReader, entryTag } from "../../../src/crypto/chain.ts"
import { nativeCrypto as crypto } from "../../../src/crypto/native.ts"
import { queues } from "../../../src/qs/tables.ts"
import { type QueueRow, startsOf } from "../../../src/queue/slots.ts"
import { openRow } from "../../../src/veil/names.ts"
import { SlotKeys } from "../../../src/veil/slot-keys.ts"
import type { StoredRow } from "../../../src/veil/table.ts"
import { toHex } from "../../../src/wire/bytes.ts"
import type { Resident } from "./resident.ts"

/**
 * Whose the entries of a pool are. It takes the server's slot keys and each owner's secret key: from both together follow the
 * starts of the chains, their address keys, and the tags.
 */
export function entriesOf(directory: string, secrets: Secrets, owners: readonly Resident[]): Pair[] {
  const tables = readSnapshot(directory).databases.flatMap(({ contents }) => contents.tables)
  const pools = tables.filter(({ name }) => name.startsWith("qs_pool_"))
  const tags = new Set(
    pools.flatMap(({ rows }) => rows.map(({ values }) => toHex(values.get("tag") as Uint8Array))),
  )
  const records = tables.find(({ name }) => name === "qs_queue")?.rows ?? []
  const keys = new SlotKeys(crypto, secrets.queueSlotKeys)
  return records.flatMap(({ values }) => {
    const row = openRow(
      keys,
      queues,
      Object.fromEntries(values) as unknown as StoredRow,
    ) as unknown as QueueRow
    const owner = owners.find(({ queue }) => toHex(queue.client) === toHex(row.id))
    if (owner === undefined) return []
    const found = startsOf(row).flatMap((start) => tagsOf(owner, start).filter((tag) => tags.has(tag)))
    return found.map((tag): Pair => [tag, toHex(row.id)])
  })
}

function tagsOf({ queueSecretKey, entriesMax }: Resident, start: Uint8Array): string[] {
  const chain = ChainReader.open(crypto, queueSecretKey, start)?.reader
  if (chain === undefined) return []
  return Array.from({ length: entriesMax }, (_, index) => toHex(entryTag(crypto, chain.address, index)))
}
