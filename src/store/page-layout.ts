import type { Buffer } from "node:buffer"

/**
 * Pages of b-trees as SQLite lays them out (file format, sections 1.6 and 2.3.3), and how they look when nothing in them tells
 * when their rows were written.
 *
 * SQLite puts a new cell where there is room, so that the cells of a page lie in the order in which they came, newest first:
 * whoever reads the file could sort the rows of a page by age, those of one table and those of another, and match them. A clean
 * page has them in the order of their keys, one after the other up to the page's end, as after a rebuild by SQLite itself;
 * the rest is zeros. What the page says to SQLite is the same.
 */

const DATABASE_HEADER_BYTES = 100
const INDEX_INTERIOR = 2
const TABLE_INTERIOR = 5
const INDEX_LEAF = 10
const TABLE_LEAF = 13
const INTERIOR_KINDS: ReadonlySet<number> = new Set([INDEX_INTERIOR, TABLE_INTERIOR])
const LEAF_KINDS: ReadonlySet<number> = new Set([INDEX_LEAF, TABLE_LEAF])
const CELL_BYTES_MIN = 4
const VARINT_BYTES_MAX = 9
const PAGE_NUMBER_BYTES = 4

/**
 * Where the page's unallocated bytes are: between the array of cell positions and the first cell. undefined: not a
 * page of a b-tree.
 */
export function unallocated(page: Buffer, pageNumber: number): { start: number; end: number } | undefined {
  const header = pageNumber === 1 ? DATABASE_HEADER_BYTES : 0
  const kind = page.readUInt8(header)
  if (!INTERIOR_KINDS.has(kind) && !LEAF_KINDS.has(kind)) return undefined
  const cells = page.readUInt16BE(header + 3)
  const start = header + headerBytes(kind) + 2 * cells
  const end = page.readUInt16BE(header + 5) || 0x1_0000
  return start <= end && end <= page.length ? { start, end } : undefined
}

function headerBytes(kind: number): number {
  return INTERIOR_KINDS.has(kind) ? 12 : 8
}

/**
 * Writes the same page, with nothing that tells what was there before or when, into a buffer of its length. The first page, which
 * has the schema, keeps the order of its cells. Returns false for what is no page of a b-tree.
 */
export function writeClean(page: Buffer, pageNumber: number, clean: Buffer): boolean {
  const gap = unallocated(page, pageNumber)
  if (gap === undefined) return false
  if (!writeInKeyOrder(page, clean)) {
    page.copy(clean)
    clean.fill(0, gap.start, gap.end)
  }
  return true
}

/** Returns false for the first page, and for what is not laid out as the format says. */
function writeInKeyOrder(page: Buffer, ordered: Buffer): boolean {
  const kind = page.readUInt8(0)
  if (!INTERIOR_KINDS.has(kind) && !LEAF_KINDS.has(kind)) return false
  const positions = headerBytes(kind)
  const cells = page.readUInt16BE(3)
  let end = page.length
  for (let cell = 0; cell < cells; cell++) {
    const at = page.readUInt16BE(positions + 2 * cell)
    const length = cellBytes(page, kind, at)
    if (length === undefined) return false
    end -= length
    if (end < positions + 2 * cells) return false
    page.copy(ordered, end, at, at + length)
    ordered.writeUInt16BE(end, positions + 2 * cell)
  }
  ordered.fill(0, positions + 2 * cells, end)
  page.copy(ordered, 0, 0, positions)
  // No free blocks, where the cells begin, no fragments.
  ordered.writeUInt16BE(0, 1)
  ordered.writeUInt16BE(end & 0xffff, 5)
  ordered.writeUInt8(0, 7)
  return true
}

/** The length of the cell at a position. undefined: it would not end within the page. */
function cellBytes(page: Buffer, kind: number, at: number): number | undefined {
  let end = at + (INTERIOR_KINDS.has(kind) ? PAGE_NUMBER_BYTES : 0)
  let stored = 0
  if (kind !== TABLE_INTERIOR) {
    const length = readVarint(page, end)
    if (length === undefined) return undefined
    end = length.end
    stored = storedBytes(length.value, page.length, kind)
  }
  if (kind === TABLE_INTERIOR || kind === TABLE_LEAF) {
    const rowId = readVarint(page, end)
    if (rowId === undefined) return undefined
    end = rowId.end
  }
  end += stored
  if (end > page.length) return undefined
  return Math.max(end - at, CELL_BYTES_MIN)
}

/** Values beyond 2^53 are not exact. */
function readVarint(page: Buffer, at: number): { readonly value: number; readonly end: number } | undefined {
  let value = 0
  for (let end = at; end < page.length; ) {
    const byte = page.readUInt8(end++)
    if (end - at === VARINT_BYTES_MAX) return { value: value * 256 + byte, end }
    value = value * 128 + (byte & 0x7f)
    if (byte < 0x80) return { value, end }
  }
  return undefined
}

/** How much of a cell's payload its page holds, with the number of the page that the rest begins on. */
function storedBytes(payload: number, usable: number, kind: number): number {
  const most = kind === TABLE_LEAF ? usable - 35 : Math.floor(((usable - 12) * 64) / 255) - 23
  if (payload <= most) return payload
  const least = Math.floor(((usable - 12) * 32) / 255) - 23
  const fitting = least + ((payload - least) % (usable - 4))
  return (fitting <= most ? fitting : least) + PAGE_NUMBER_BYTES
}
