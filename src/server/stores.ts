import { join } from "node:path"
import { DATABASE_FILES } from "../admin/backup.ts"
import type { Config } from "../config/config.ts"
import { EPOCH_ROWS_MAX, PENDING_UNITS_MAX } from "../limits.ts"
import { asMigrations, deliveryMigrations } from "../migrations.ts"
import { type OpenedStore, openStore } from "../store/open.ts"
import type { Surroundings } from "./surroundings.ts"

export interface Stores {
  readonly as: OpenedStore
  readonly delivery: OpenedStore
}

export async function openStores(
  { dataDirectory, scrubDelayMilliseconds }: Pick<Config, "dataDirectory" | "scrubDelayMilliseconds">,
  { fault }: Pick<Surroundings, "fault">,
  migrations = { as: asMigrations, delivery: deliveryMigrations },
): Promise<Stores> {
  const open = async (name: keyof Stores) =>
    await openStore({
      file: join(dataDirectory, DATABASE_FILES[name]),
      migrations: migrations[name],
      scrubDelayMs: scrubDelayMilliseconds,
      pendingMax: PENDING_UNITS_MAX,
      epochRowsMax: EPOCH_ROWS_MAX,
      fault,
    })
  const as = await open("as")
  try {
    return { as, delivery: await open("delivery") }
  } catch (error) {
    await as.close()
    throw error
  }
}

export async function closeStores({ as, delivery }: Stores): Promise<void> {
  await Promise.all([as.close(), delivery.close()])
}
