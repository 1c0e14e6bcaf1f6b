import { mkdirSync, renameSync, rmSync, statSync, utimesSync } from "node:fs"
import { dirname, join } from "node:path"
import { beginningOfMonth } from "../month.ts"
import type { OpenedStore } from "../store/open.ts"
import { explained, refuseFull, synchronize } from "./directories.ts"

/** The databases of a server, by the names of their files. */
export const DATABASE_FILES = { as: "as.sqlite", delivery: "delivery.sqlite" } as const

export type BackupSources = Readonly<Record<keyof typeof DATABASE_FILES, Pick<OpenedStore, "backupTo">>>

export interface BackedUp {
  readonly directory: string
  /** Of both files together. */
  readonly bytes: number
}

/**
 * Copies both databases, as they are in one moment, into a new directory for their owner alone: rows in the order of their
 * keys, without free pages or a log, with no time but the month. There is never half a backup under this name. Blocks
 * while it does.
 *
 * @throws StoreFailed with a sentence for the operator
 */
export function backUp(sources: BackupSources, directory: string): BackedUp {
  const unnamed = `${directory}.partial`
  explained(`the backup ${directory} cannot be made`, adviceOn, () => {
    refuseFull(directory, `${directory} is there already: give the backup a directory of its own`)
    rmSync(unnamed, { recursive: true, force: true })
    mkdirSync(unnamed, { mode: 0o700 })
  })
  try {
    // Both in one turn of the event loop: nothing is written between them.
    for (const name of databases) sources[name].backupTo(join(unnamed, DATABASE_FILES[name]))
    return explained(`the backup ${directory} cannot be finished`, adviceOn, () => finish(unnamed, directory))
  } catch (error) {
    rmSync(unnamed, { recursive: true, force: true })
    throw error
  }
}

const databases = Object.keys(DATABASE_FILES) as (keyof typeof DATABASE_FILES)[]

function finish(unnamed: string, directory: string): BackedUp {
  const month = beginningOfMonth(new Date())
  const files = databases.map((name) => join(unnamed, DATABASE_FILES[name]))
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0)
  for (const path of [...files, unnamed]) utimesSync(path, month, month)
  synchronize(unnamed)
  renameSync(unnamed, directory)
  synchronize(dirname(directory))
  return { directory, bytes }
}

function adviceOn(code: string): string {
  if (!["EACCES", "EROFS", "EPERM"].includes(code)) return ""
  return ": the server's user must be able to write there, and under systemd the unit must allow it (ReadWritePaths)"
}
