import { expect } from "bun:test"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { defineTable } from "../../src/store/database.ts"
import { openStore } from "../../src/store/open.ts"
import { isZero } from "./files.ts"
import { type Entry, freshPartition, migrations } from "./tables.ts"

/** Units whose rows follow from their id, so that a reader can tell whether one is whole. */
export const units = defineTable<{ id: Uint8Array; state: number }>("units", ["id"], ["id", "state"])
/** Where their rows are. */
export const pool = freshPartition("pool_202611")
export const LIVE = 1
export const REMOVED = 2

export const unitMigrations = [
  ...migrations,
  { version: 2, sql: "CREATE TABLE units (id BLOB PRIMARY KEY, state INTEGER NOT NULL) WITHOUT ROWID" },
]

export function idOf(name: string): Uint8Array {
  return hash(name).subarray(0, 16)
}

export function tagOf(id: Uint8Array, index: number): Uint8Array {
  return hash(`${id.toHex()} ${index}`).subarray(0, 16)
}

/** One to five rows of about a kilobyte. */
export function rowsOf(id: Uint8Array): Entry[] {
  return Array.from({ length: 1 + ((id[0] as number) % 5) }, (_, index) => {
    const tag = tagOf(id, index)
    return { tag, body: new Uint8Array(1000).fill(tag[0] as number) }
  })
}

/**
 * Opens what a killed writer left and checks that every unit is whole or absent, that everything acknowledged is
 * there, and that the log is clean. Returns how many units there are.
 */
export async function checkWritten(
  directory: string,
  acknowledged: ReadonlyMap<string, number>,
): Promise<number> {
  const file = join(directory, "store.sqlite")
  const store = await openStore({ file, migrations: unitMigrations })
  expect(isZero(readFileSync(`${file}-wal`))).toBe(true)
  const states = new Map(store.list(units, {}, 1_000_000).map(({ id, state }) => [id.toHex(), state]))
  let rows = 0
  for (const [name, state] of states) {
    const id = Uint8Array.fromHex(name)
    for (const row of rowsOf(id)) {
      const kept = store.get(pool, { tag: row.tag })
      if (kept?.body.length !== (state === LIVE ? row.body.length : undefined))
        throw new Error("a unit is torn")
      if (state === LIVE) rows++
    }
  }
  expect(store.count(pool)).toBe(rows)
  for (const [name, state] of acknowledged) {
    const found = states.get(name)
    if (found === undefined || found < state) throw new Error("an acknowledged unit is lost")
  }
  await store.close()
  return states.size
}

function hash(text: string): Uint8Array {
  return new Uint8Array(createHash("sha256").update(text).digest())
}
