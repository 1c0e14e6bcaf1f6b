import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { RowOf, Table } from "../../src/store/database.ts"
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

export function rowsOf<Row extends RowOf<Row>>(world: World, table: Table<Row>): Row[] {
  return world.store.list(table, {}, 10_000)
}
