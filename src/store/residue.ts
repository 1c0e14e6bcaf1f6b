import { Buffer } from "node:buffer"
import { fdatasyncSync, fstatSync, readSync, writeSync } from "node:fs"
import { StoreFailed } from "./database.ts"

/**
 * Clearing what SQLite's `secure_delete` leaves. It overwrites freed cells and freed pages, but when a page of a
 * b-tree is rebuilt, copies of cells that moved to a neighbour stay in the page's unallocated middle, and outlive
 * the rows. That middle means nothing to SQLite, so it can be overwritten in the file, where no page differs from
 * SQLite's copy in memory but in these bytes. A page gets new residue only when it is written, and then it is in
 * the log: so clearing the pages of each log before it is overwritten keeps the whole file clean. A torn write is
 * repaired from the log, which is still whole.
 */

export const LOG_HEADER_BYTES = 32
export const FRAME_HEADER_BYTES = 24

/**
 * Above this many pages, the first byte of an overflow or free page (its successor's number, big-endian) could be
 * taken for that of a b-tree page.
 */
export const PAGES_MAX = 0x01ff_ffff

/** As long as the largest page. */
const ZEROS = Buffer.alloc(0x1_0000)
const DATABASE_HEADER_BYTES = 100
const INTERIOR_KINDS: ReadonlySet<number> = new Set([2, 5])
const LEAF_KINDS: ReadonlySet<number> = new Set([10, 13])

/**
 * Where the page's unallocated bytes are: between the array of cell positions and the first cell (SQLite file
 * format, section 1.6). undefined: not a page of a b-tree.
 */
export function unallocated(page: Buffer, pageNumber: number): { start: number; end: number } | undefined {
  const header = pageNumber === 1 ? DATABASE_HEADER_BYTES : 0
  const kind = page.readUInt8(header)
  if (!INTERIOR_KINDS.has(kind) && !LEAF_KINDS.has(kind)) return undefined
  const cells = page.readUInt16BE(header + 3)
  const start = header + (LEAF_KINDS.has(kind) ? 8 : 12) + 2 * cells
  const end = page.readUInt16BE(header + 5) || 0x1_0000
  return start <= end && end <= page.length ? { start, end } : undefined
}

/**
 * Overwrites the unallocated bytes of every page in the first `frames` frames of a log that has been copied into
 * the database completely, durably. Both descriptors must stay open as long as SQLite has the files open.
 */
export function clearResidue(log: number, database: number, frames: number, pageSize: number): void {
  const frame = Buffer.alloc(FRAME_HEADER_BYTES + pageSize)
  const seen = new Set<number>()
  let cleared = false
  for (let index = frames - 1; index >= 0; index--) {
    readWhole(log, frame, LOG_HEADER_BYTES + index * frame.length)
    const pageNumber = frame.readUInt32BE(0)
    if (seen.has(pageNumber)) continue
    seen.add(pageNumber)
    cleared = clearPage(database, frame.subarray(FRAME_HEADER_BYTES), pageNumber) || cleared
  }
  frame.fill(0)
  if (cleared) fdatasyncSync(database)
}

/** Overwrites the unallocated bytes of every page of a database that nobody has open. */
export function clearFile(database: number, pageSize: number): void {
  const page = Buffer.alloc(pageSize)
  const pages = fstatSync(database).size / pageSize
  for (let pageNumber = 1; pageNumber <= pages; pageNumber++) {
    readWhole(database, page, (pageNumber - 1) * pageSize)
    clearPage(database, page, pageNumber)
  }
  page.fill(0)
}

/** Returns whether there was anything to clear. */
function clearPage(database: number, page: Buffer, pageNumber: number): boolean {
  const gap = unallocated(page, pageNumber)
  if (gap === undefined) return false
  const clean = ZEROS.subarray(0, gap.end - gap.start)
  if (page.subarray(gap.start, gap.end).equals(clean)) return false
  const written = writeSync(database, clean, 0, clean.length, (pageNumber - 1) * page.length + gap.start)
  if (written !== clean.length) throw new StoreFailed("the residue of deleted rows could not be cleared")
  return true
}

function readWhole(descriptor: number, into: Buffer, at: number): void {
  if (readSync(descriptor, into, 0, into.length, at) !== into.length) {
    throw new StoreFailed("the log or the database is shorter than it should be")
  }
}
