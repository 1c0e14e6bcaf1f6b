import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { veiledTables } from "../../src/qs/tables.ts"
import type { RowOf } from "../../src/store/database.ts"
import type { VeiledTable } from "../../src/veil/table.ts"
import { toHex } from "../../src/wire/bytes.ts"
import type { World } from "./world.ts"

/** Whether these bytes lie anywhere in the world's files, its log overwritten as it would be a moment later. */
export async function filesHold(world: World, bytes: Uint8Array): Promise<boolean> {
  await written(world)
  world.store.scrub()
  return readdirSync(world.directory).some((name) => {
    return readFileSync(join(world.directory, name)).includes(bytes)
  })
}

/** Resolves when everything that was submitted before is written. */
export async function written(world: World): Promise<void> {
  await world.store.writer.submit({ expects: [], effects: () => [] })
}

export function rowsOf<Row extends RowOf<Row>>(world: World, table: VeiledTable<Row>): Row[] {
  return world.store.rows(table)
}

/** Bytes from each row of the veiled tables, as the files have them. */
export function marksOf(world: World): Uint8Array[] {
  return veiledTables.flatMap((table) => world.store.stored(table)).map(({ body }) => body.subarray(20, 60))
}

/** Those of the marks that are of no row any more. */
export function goneSince(world: World, marks: readonly Uint8Array[]): Uint8Array[] {
  const left = new Set(marksOf(world).map(toHex))
  return marks.filter((mark) => !left.has(toHex(mark)))
}
