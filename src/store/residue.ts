import { Buffer } from "node:buffer"
import { fdatasyncSync, fstatSync, readSync, writeSync } from "node:fs"
import { StoreFailed } from "./database.ts"
import { writeClean } from "./page-layout.ts"

/**
 * Clearing what SQLite leaves of the past in its pages. `secure_delete` overwrites freed cells and freed pages, but when a
 * page of a b-tree is rebuilt, copies of cells that moved to a neighbour stay in the page's unallocated middle, and
 * outlive the rows; and where the cells of a page lie tells in which order they came (page-layout.ts).
 *
 * Neither means anything to SQLite, so a page can be replaced in the file by a clean one that says the same; SQLite's copy
 * in memory may keep the old form. A page gets new residue only when it is written, and then it is in the log: so
 * cleaning the pages of each log before it is overwritten keeps the whole file clean. A torn write is repaired from the
 * log, which is still whole.
 */

export const LOG_HEADER_BYTES = 32
export const FRAME_HEADER_BYTES = 24

/** Frames of the log that are read together. */
const FRAMES_AT_ONCE = 32

const DATABASE_HEADER_BYTES = 100
/** Where the header has the first page of the free list, and how many pages are free. */
const FREE_LIST_AT = 32
const FREE_PAGES_AT = 36
const TRUNK_HEADER_BYTES = 8
const PAGE_NUMBER_BYTES = 4

/**
 * Above this many pages, the first byte of an overflow or free page (its successor's number, big-endian) could be
 * taken for that of a b-tree page.
 */
export const PAGES_MAX = 0x01ff_ffff

/**
 * Cleans every page in the first `frames` frames of a log that has been copied into the database completely, durably.
 * Both descriptors must stay open as long as SQLite has the files open.
 */
export function clearResidue(log: number, database: number, frames: number, pageSize: number): void {
  const frameBytes = FRAME_HEADER_BYTES + pageSize
  const some = Buffer.alloc(frameBytes * Math.min(frames, FRAMES_AT_ONCE))
  const cleaner = new PageCleaner(database, pageSize)
  const seen = new Set<number>()
  let cleaned = false
  for (let end = frames; end > 0; end -= FRAMES_AT_ONCE) {
    const first = Math.max(0, end - FRAMES_AT_ONCE)
    readWhole(log, some.subarray(0, (end - first) * frameBytes), LOG_HEADER_BYTES + first * frameBytes)
    for (let at = (end - first - 1) * frameBytes; at >= 0; at -= frameBytes) {
      const pageNumber = some.readUInt32BE(at)
      if (seen.has(pageNumber)) continue
      seen.add(pageNumber)
      cleaned = cleaner.clean(some.subarray(at + FRAME_HEADER_BYTES, at + frameBytes), pageNumber) || cleaned
    }
  }
  some.fill(0)
  cleaner.wipe()
  // The header, on the first page, changes with the free list.
  if (seen.has(1)) cleaned = clearFreeList(database, pageSize) || cleaned
  if (cleaned) fdatasyncSync(database)
}

/** Cleans every page of a database that nobody has open. */
export function clearFile(database: number, pageSize: number): void {
  const page = Buffer.alloc(pageSize)
  const cleaner = new PageCleaner(database, pageSize)
  const pages = fstatSync(database).size / pageSize
  for (let pageNumber = 1; pageNumber <= pages; pageNumber++) {
    readWhole(database, page, (pageNumber - 1) * pageSize)
    cleaner.clean(page, pageNumber)
  }
  page.fill(0)
  cleaner.wipe()
  if (pages > 0) clearFreeList(database, pageSize)
}

/**
 * Pages of the free list name the next of them, how many free pages they list, and these. When one is taken again, SQLite only
 * counts down: what stays behind it tells which pages were freed, and in which order. Returns whether there was something.
 */
function clearFreeList(database: number, pageSize: number): boolean {
  const page = Buffer.alloc(pageSize)
  readWhole(database, page.subarray(0, DATABASE_HEADER_BYTES), 0)
  let cleared = false
  let next = page.readUInt32BE(FREE_LIST_AT)
  for (let left = page.readUInt32BE(FREE_PAGES_AT); next !== 0 && left > 0; left--) {
    const position = (next - 1) * pageSize
    readWhole(database, page, position)
    const rest = page.subarray(TRUNK_HEADER_BYTES + PAGE_NUMBER_BYTES * page.readUInt32BE(4))
    if (rest.some((byte) => byte !== 0)) {
      rest.fill(0)
      if (writeSync(database, page, 0, pageSize, position) !== pageSize)
        throw new StoreFailed("the residue of deleted rows could not be cleared")
      cleared = true
    }
    next = page.readUInt32BE(0)
  }
  return cleared
}

class PageCleaner {
  readonly #database: number
  readonly #clean: Buffer

  constructor(database: number, pageSize: number) {
    this.#database = database
    this.#clean = Buffer.alloc(pageSize)
  }

  /** Writes the clean page over the one in the file, which is `page`; returns whether they differed. */
  clean(page: Buffer, pageNumber: number): boolean {
    const clean = this.#clean
    if (!writeClean(page, pageNumber, clean) || page.equals(clean)) return false
    const written = writeSync(this.#database, clean, 0, clean.length, (pageNumber - 1) * clean.length)
    if (written !== clean.length) throw new StoreFailed("the residue of deleted rows could not be cleared")
    return true
  }

  wipe(): void {
    this.#clean.fill(0)
  }
}

function readWhole(descriptor: number, into: Buffer, at: number): void {
  if (readSync(descriptor, into, 0, into.length, at) !== into.length) {
    throw new StoreFailed("the log or the database is shorter than it should be")
  }
}
