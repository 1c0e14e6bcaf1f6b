import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { StoreFailed } from "../store/database.ts"
import { DATABASE_FILES } from "./backup.ts"
import { explained, refuseFull, synchronize } from "./directories.ts"

/** A step of copying; `done` and `total` in bytes of all files. */
export type CopyProgress = (done: number, total: number) => void

const CHUNK_BYTES = 4 * 1024 * 1024
const names = Object.values(DATABASE_FILES)

/**
 * Copies a backup to where a data directory will be, lets `prepare` do what has to be done with the copy, and only then gives
 * it its name: there is never half a data directory.
 *
 * @throws StoreFailed with a sentence for the operator; whatever `prepare` throws
 */
export async function restoreInto(
  backup: string,
  directory: string,
  progress: CopyProgress,
  prepare: (unnamed: string) => Promise<void>,
): Promise<void> {
  refuseIncomplete(backup)
  refuseFull(
    directory,
    `the data directory ${directory} is not empty: move what is there away first, so that nothing is lost`,
  )
  const unnamed = `${directory}.partial`
  try {
    explained(`the backup ${backup} cannot be copied to ${directory}`, noAdvice, () => {
      rmSync(unnamed, { recursive: true, force: true })
      mkdirSync(unnamed, { recursive: true, mode: 0o700 })
      copyAll(backup, unnamed, progress)
    })
    await prepare(unnamed)
    explained(`the data directory ${directory} cannot be made`, noAdvice, () => {
      synchronize(unnamed)
      renameSync(unnamed, directory)
      synchronize(dirname(directory))
    })
  } catch (error) {
    rmSync(unnamed, { recursive: true, force: true })
    throw error
  }
}

function refuseIncomplete(backup: string): void {
  const there = explained(`the backup ${backup} cannot be read`, noAdvice, () => readdirSync(backup))
  const missing = names.filter((name) => !there.includes(name))
  if (missing.length > 0)
    throw new StoreFailed(`${backup} is no backup: it has no ${missing.join(" and no ")}`)
  const logs = names.map((name) => join(backup, `${name}-wal`)).filter((file) => existsSync(file))
  if (logs.some((file) => statSync(file).size > 0)) {
    throw new StoreFailed(
      `${backup} was copied from a server that ran, or had crashed: its files do not belong to one moment; use what cinder backup made`,
    )
  }
}

function copyAll(from: string, to: string, progress: CopyProgress): void {
  const total = names.reduce((sum, name) => sum + statSync(join(from, name)).size, 0)
  let done = 0
  for (const name of names) {
    copy(join(from, name), join(to, name), (bytes) => {
      done += bytes
      progress(done, total)
    })
  }
}

function copy(from: string, to: string, copied: (bytes: number) => void): void {
  const source = openSync(from, "r")
  const target = openSync(to, "wx", 0o600)
  try {
    const chunk = new Uint8Array(CHUNK_BYTES)
    for (let read = readSync(source, chunk); read > 0; read = readSync(source, chunk)) {
      for (let at = 0; at < read; ) at += writeSync(target, chunk, at, read - at)
      copied(read)
    }
    fsyncSync(target)
  } finally {
    closeSync(source)
    closeSync(target)
  }
}

const noAdvice = () => ""
