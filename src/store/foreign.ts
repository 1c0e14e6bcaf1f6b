import type { Database } from "bun:sqlite"
import { StoreIncompatible } from "./database.ts"

/**
 * Refuses a database that somebody else made; one in which there is nothing yet is anybody's. The lock comes before the first
 * look, so that a database in use is refused as such and no index of its log is left as a file.
 *
 * @throws StoreIncompatible it has another `application_id`, or none and tables
 */
export function refuseForeign(database: Database, applicationId: number): void {
  database.run("PRAGMA locking_mode = EXCLUSIVE")
  using identity = database.prepare<{ application_id: number }, []>("PRAGMA application_id")
  const found = identity.get()?.application_id ?? 0
  using contents = database.prepare<{ tables: number }, []>("SELECT count(*) AS tables FROM sqlite_schema")
  const isEmpty = found === 0 && contents.get()?.tables === 0
  if (found !== applicationId && !isEmpty)
    throw new StoreIncompatible("the database belongs to another program")
}
