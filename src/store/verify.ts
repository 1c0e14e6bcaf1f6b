import { Database } from "bun:sqlite"
import { StoreIncompatible } from "./database.ts"
import { codeOf } from "./error-code.ts"

/**
 * Reads all of a database that nobody uses and checks that it hangs together.
 *
 * @throws StoreIncompatible it is damaged, or no database
 */
export function verifyDatabase(file: string): void {
  let found: unknown
  try {
    using database = new Database(file, { create: false, readwrite: true })
    // Before the first look, so that no index of a log is made beside it.
    database.run("PRAGMA locking_mode = EXCLUSIVE")
    using check = database.prepare("PRAGMA integrity_check(1)")
    found = check.values()[0]?.[0]
  } catch (error) {
    throw new StoreIncompatible(`${file} is damaged, or no database (${codeOf(error)})`)
  }
  if (found !== "ok") throw new StoreIncompatible(`${file} is damaged`)
}
