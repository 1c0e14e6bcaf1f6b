import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { StoreFailed } from "../store/database.ts"
import { codeOf } from "../store/error-code.ts"
import type { OpenedStore } from "../store/open.ts"

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
  explained(`the backup ${directory} cannot be made`, () => {
    refuseFull(directory)
    rmSync(unnamed, { recursive: true, force: true })
    mkdirSync(unnamed, { mode: 0o700 })
  })
  try {
    // Both in one turn of the event loop: nothing is written between them.
    for (const name of databases) sources[name].backupTo(join(unnamed, DATABASE_FILES[name]))
    return explained(`the backup ${directory} cannot be finished`, () => finish(unnamed, directory))
  } catch (error) {
    rmSync(unnamed, { recursive: true, force: true })
    throw error
  }
}

const databases = Object.keys(DATABASE_FILES) as (keyof typeof DATABASE_FILES)[]

function finish(unnamed: string, directory: string): BackedUp {
  const now = new Date()
  const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth()))
  const files = databases.map((name) => join(unnamed, DATABASE_FILES[name]))
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0)
  for (const path of [...files, unnamed]) utimesSync(path, month, month)
  synchronize(unnamed)
  renameSync(unnamed, directory)
  synchronize(dirname(directory))
  return { directory, bytes }
}

function refuseFull(directory: string): void {
  const there = statSync(directory, { throwIfNoEntry: false })
  if (there !== undefined && (!there.isDirectory() || readdirSync(directory).length > 0))
    throw new StoreFailed(`${directory} is there already: give the backup a directory of its own`)
}

/** Makes the names in a directory durable. */
export function synchronize(directory: string): void {
  const descriptor = openSync(directory, "r")
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function explained<T>(sentence: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof StoreFailed) throw error
    const advice = ["EACCES", "EROFS", "EPERM"].includes(codeOf(error))
      ? ": the server's user must be able to write there, and under systemd the unit must allow it (ReadWritePaths)"
      : ""
    throw new StoreFailed(`${sentence} (${codeOf(error)})${advice}`)
  }
}
