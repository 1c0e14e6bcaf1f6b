import asInit from "../db/as/0001_init.sql" with { type: "text" }
import asTokens from "../db/as/0002_tokens.sql" with { type: "text" }
import asAccounts from "../db/as/0003_accounts.sql" with { type: "text" }
import asAliases from "../db/as/0004_aliases.sql" with { type: "text" }
import asProfiles from "../db/as/0005_profiles.sql" with { type: "text" }
import deliveryQueues from "../db/delivery/0001_queues.sql" with { type: "text" }
import deliveryGroups from "../db/delivery/0002_groups.sql" with { type: "text" }
import deliveryPlaces from "../db/delivery/0003_places.sql" with { type: "text" }
import type { Migration } from "./store/migrations.ts"

/** The schemas of both databases, step by step; each file says what a snapshot learns from its tables. */

export const asMigrations = numbered(asInit, asTokens, asAccounts, asAliases, asProfiles)
export const deliveryMigrations = numbered(deliveryQueues, deliveryGroups, deliveryPlaces)

function numbered(...steps: readonly string[]): readonly Migration[] {
  return steps.map((sql, index) => ({ version: index + 1, sql }))
}
