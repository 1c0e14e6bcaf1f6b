import { Buffer } from "node:buffer"
import { closeSync, fstatSync, lstatSync, openSync, readdirSync, readSync } from "node:fs"
import { join } from "node:path"
import { CannotLook, type EvidenceFile } from "../audit/evidence.ts"
import { DEMO_FILE_BYTES_MAX } from "../limits.ts"

/**
 * Reads the files of a data directory that this process has open itself, at one moment: nothing else runs in this thread
 * meanwhile. Descriptors are kept, because closing any of a file would release the locks that SQLite has on it.
 */
export class DataFiles {
  readonly #directory: string
  readonly #descriptors = new Map<string, number>()

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Throws CannotLook if one of them is too large to be looked at by the way. */
  read(): EvidenceFile[] {
    return readdirSync(this.#directory)
      .sort()
      .filter((name) => lstatSync(join(this.#directory, name)).isFile())
      .map((name) => readFile(name, this.#open(name)))
  }

  /** Only when the databases are closed. */
  close(): void {
    for (const descriptor of this.#descriptors.values()) closeSync(descriptor)
    this.#descriptors.clear()
  }

  #open(name: string): number {
    const known = this.#descriptors.get(name)
    if (known !== undefined) return known
    const opened = openSync(join(this.#directory, name), "r")
    this.#descriptors.set(name, opened)
    return opened
  }
}

function readFile(name: string, descriptor: number): EvidenceFile {
  const { size, mode, mtimeMs, birthtimeMs } = fstatSync(descriptor)
  if (size > DEMO_FILE_BYTES_MAX) {
    throw new CannotLook(`${name} has grown beyond what this page reads (${DEMO_FILE_BYTES_MAX} bytes)`)
  }
  const bytes = Buffer.alloc(size)
  for (let at = 0; at < size; ) {
    const read = readSync(descriptor, bytes, at, size - at, at)
    if (read === 0) break
    at += read
  }
  return { name, bytes, mode: mode & 0o777, modified: mtimeMs, made: birthtimeMs }
}
