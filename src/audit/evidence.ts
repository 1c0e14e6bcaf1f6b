import { lstatSync, readdirSync, readFileSync, type Stats } from "node:fs"
import { join } from "node:path"
import { type Contents, readContents } from "./sqlite/contents.ts"
import { DatabaseImage, ImageDamaged, isDatabase } from "./sqlite/image.ts"
import { type Unused, unusedParts } from "./sqlite/unused.ts"

/** What the snapshot adversary has: directories as they were at some moments, oldest first. */

/** The directory cannot be looked at, or holds no database that can be read. */
export class CannotLook extends Error {
  override readonly name = "CannotLook"
}

export interface EvidenceFile {
  /** Below the directory. */
  readonly name: string
  readonly bytes: Uint8Array
  /** Permission bits. */
  readonly mode: number
  /** When it was last written, in milliseconds since 1970. */
  readonly modified: number
  /** When the file came into being; 0 where the file system does not say. */
  readonly made: number
}

export interface Database {
  readonly name: string
  readonly image: DatabaseImage
  readonly contents: Contents
  readonly unused: readonly Unused[]
}

export interface Snapshot {
  readonly directory: string
  readonly files: readonly EvidenceFile[]
  readonly databases: readonly Database[]
}

const DEPTH_MAX = 4
/** Of what a file may hold here; larger ones need a machine with more memory and another reader. */
const FILE_BYTES_MAX = 4 * 1024 ** 3

/** Reads a data directory, a backup's directory or a single database file. Throws CannotLook. */
export function readSnapshot(path: string): Snapshot {
  return snapshotOf(path, readFiles(path))
}

/** What is in files that were read already. Throws CannotLook. */
export function snapshotOf(path: string, files: readonly EvidenceFile[]): Snapshot {
  const databases = files
    .filter(({ bytes }) => isDatabase(bytes))
    .map(({ name, bytes }) => {
      const log = files.find((file) => file.name === `${name}-wal`)?.bytes ?? new Uint8Array(0)
      return readDatabase(name, bytes, log)
    })
  if (databases.length === 0) throw new CannotLook(`${path} holds no SQLite database`)
  return { directory: path, files, databases }
}

function readDatabase(name: string, bytes: Uint8Array, log: Uint8Array): Database {
  try {
    const image = new DatabaseImage(bytes, log)
    const contents = readContents(image)
    return { name, image, contents, unused: unusedParts(image, contents) }
  } catch (error) {
    if (error instanceof ImageDamaged) throw new CannotLook(`${name} is damaged (${error.message})`)
    throw error
  }
}

function readFiles(path: string): EvidenceFile[] {
  try {
    const stats = lstatSync(path)
    if (stats.isFile()) return besideOf(path)
    return below(path, "", 0)
  } catch (error) {
    if (error instanceof CannotLook) throw error
    const code = error instanceof Error && "code" in error ? ` (${error.code})` : ""
    throw new CannotLook(`${path} cannot be read${code}`)
  }
}

/** A database file with what SQLite puts beside it. */
function besideOf(path: string): EvidenceFile[] {
  const base = path.slice(path.lastIndexOf("/") + 1)
  const candidates = ["", "-wal", "-shm", "-journal"].map((suffix) => [base + suffix, path + suffix] as const)
  return candidates.flatMap(([name, file]) => {
    const stats = lstatSync(file, { throwIfNoEntry: false })
    return stats === undefined ? [] : readFile(file, name, stats)
  })
}

function below(root: string, folder: string, depth: number): EvidenceFile[] {
  if (depth > DEPTH_MAX) throw new CannotLook(`${root} has folders in folders`)
  return readdirSync(join(root, folder))
    .sort()
    .flatMap((entry) => {
      const name = join(folder, entry)
      const stats = lstatSync(join(root, name))
      if (stats.isDirectory()) return below(root, name, depth + 1)
      return readFile(join(root, name), name, stats)
    })
}

function readFile(path: string, name: string, stats: Stats): EvidenceFile[] {
  if (stats.size > FILE_BYTES_MAX) throw new CannotLook(`${name} is larger than ${FILE_BYTES_MAX} bytes`)
  const bytes = stats.isFile() ? readFileSync(path) : new Uint8Array(0)
  return [{ name, bytes, mode: stats.mode & 0o777, modified: stats.mtimeMs, made: stats.birthtimeMs }]
}
