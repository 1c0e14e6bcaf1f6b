import asInit from "../db/as/0001_init.sql" with { type: "text" }
import deliveryQueues from "../db/delivery/0001_queues.sql" with { type: "text" }
import deliveryGroups from "../db/delivery/0002_groups.sql" with { type: "text" }
import deliveryQsRecords from "../db/delivery/0003_qs_records.sql" with { type: "text" }
import type { Migration } from "./store/migrations.ts"

/** The schemas of the two databases, step by step; they are part of the binary. */

export const asMigrations: readonly Migration[] = [{ version: 1, sql: asInit }]

export const deliveryMigrations: readonly Migration[] = [
  { version: 1, sql: deliveryQueues },
  { version: 2, sql: deliveryGroups },
  { version: 3, sql: deliveryQsRecords },
]
