import type { Buffer } from "node:buffer"
import type { Contents } from "./contents.ts"
import { type DatabaseImage, ImageDamaged } from "./image.ts"

/** A stretch of a page that means nothing to SQLite. */
export interface Unused {
  readonly page: number
  readonly bytes: Buffer
}

/** All of the database that holds no row, entry or structure: where deleted rows may still lie. Throws ImageDamaged. */
export function unusedParts(image: DatabaseImage, { trees }: Contents): Unused[] {
  const used = new Map<number, readonly (readonly [number, number])[]>()
  for (const { pages, overflow } of trees) {
    for (const page of pages) used.set(page.number, page.used)
    for (const { number, usedBytes } of overflow) used.set(number, [[0, usedBytes]])
  }
  for (const [number, bytes] of freeListTrunks(image)) used.set(number, [[0, bytes]])
  for (const number of structuralPages(image)) used.set(number, [[0, image.pageSize]])
  return Array.from({ length: image.pageCount }, (_, index) => index + 1).flatMap((number) => {
    return gaps(image.page(number), number, used.get(number) ?? [])
  })
}

function gaps(page: Buffer, number: number, used: readonly (readonly [number, number])[]): Unused[] {
  const parts: Unused[] = []
  let end = 0
  for (const [from, to] of [...used, [page.length, page.length] as const].sort((a, b) => a[0] - b[0])) {
    if (from > end) parts.push({ page: number, bytes: page.subarray(end, from) })
    end = Math.max(end, to)
  }
  return parts
}

/** Pages that list free ones, and how much of each does. */
function freeListTrunks(image: DatabaseImage): Map<number, number> {
  const trunks = new Map<number, number>()
  for (let number = image.page(1).readUInt32BE(32); number !== 0; ) {
    if (trunks.has(number)) throw new ImageDamaged("free list")
    const page = image.page(number)
    const bytes = 8 + 4 * page.readUInt32BE(4)
    if (bytes > page.length) throw new ImageDamaged("free list")
    trunks.set(number, bytes)
    number = page.readUInt32BE(0)
  }
  return trunks
}

/** Where locks are taken, and in databases that shrink by themselves the pages that say whose each page is. */
function structuralPages(image: DatabaseImage): number[] {
  const locks = Math.floor(2 ** 30 / image.pageSize) + 1
  const pages = locks <= image.pageCount ? [locks] : []
  if (image.page(1).readUInt32BE(52) === 0) return pages
  const each = Math.floor(image.usableBytes / 5) + 1
  for (let number = 2; number <= image.pageCount; number += each) pages.push(number)
  return pages
}
