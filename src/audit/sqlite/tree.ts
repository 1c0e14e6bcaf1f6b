import { Buffer } from "node:buffer"
import { type DatabaseImage, FILE_HEADER_BYTES, ImageDamaged } from "./image.ts"
import { readVarint } from "./varint.ts"

/** A row or an index entry, and where it lies. */
export interface Cell {
  readonly page: number
  /** Where it begins in its page. */
  readonly offset: number
  /** How much of its page it takes. */
  readonly localBytes: number
  /** Its place in the page's order of keys. */
  readonly index: number
  /** Of tables with row ids; undefined in indexes and in tables without. */
  readonly rowId: number | undefined
  readonly payload: Buffer
}

/** A page of a tree, and which of its bytes mean anything. */
export interface TreePage {
  readonly number: number
  readonly isLeaf: boolean
  readonly cells: readonly Cell[]
  /** Begin and end of each stretch that is in use. */
  readonly used: readonly (readonly [begin: number, end: number])[]
}

/** A page of a row that is too long for its tree page. */
export interface OverflowPage {
  readonly number: number
  readonly usedBytes: number
}

export interface Tree {
  /** Rows or entries, in the order of their keys. */
  readonly cells: readonly Cell[]
  readonly pages: readonly TreePage[]
  readonly overflow: readonly OverflowPage[]
}

const TYPES = {
  2: { isLeaf: false, isTable: false },
  5: { isLeaf: false, isTable: true },
  10: { isLeaf: true, isTable: false },
  13: { isLeaf: true, isTable: true },
} as const

const DEPTH_MAX = 24

/** Reads a whole tree. Throws ImageDamaged, also if a page is in it twice. */
export function readTree(image: DatabaseImage, root: number): Tree {
  return new TreeReader(image).read(root)
}

class TreeReader {
  readonly #image: DatabaseImage
  readonly #cells: Cell[] = []
  readonly #pages: TreePage[] = []
  readonly #overflow: OverflowPage[] = []
  readonly #seen = new Set<number>()

  constructor(image: DatabaseImage) {
    this.#image = image
  }

  read(root: number): Tree {
    this.#visit(root, 0)
    return { cells: this.#cells, pages: this.#pages, overflow: this.#overflow }
  }

  #visit(number: number, depth: number): void {
    if (depth > DEPTH_MAX) throw new ImageDamaged("depth of a tree")
    this.#enter(number)
    const page = this.#image.page(number)
    const begin = number === 1 ? FILE_HEADER_BYTES : 0
    const type = TYPES[page[begin] as keyof typeof TYPES]
    if (type === undefined) throw new ImageDamaged("kind of page")
    const count = page.readUInt16BE(begin + 3)
    const pointers = begin + (type.isLeaf ? 8 : 12)
    const pointersEnd = pointers + 2 * count
    if (pointersEnd > page.length) throw new ImageDamaged("number of cells")
    const cells: Cell[] = []
    const used: (readonly [number, number])[] = [[0, pointersEnd], ...freeBlockHeaders(page, begin)]
    for (let index = 0; index < count; index++) {
      const offset = page.readUInt16BE(pointers + 2 * index)
      const { cell, left, end } = this.#cell(page, number, offset, index, type)
      if (left !== undefined) this.#visit(left, depth + 1)
      if (cell !== undefined) {
        cells.push(cell)
        this.#cells.push(cell)
      }
      used.push([offset, end])
    }
    this.#pages.push({ number, isLeaf: type.isLeaf, cells, used })
    if (!type.isLeaf) this.#visit(page.readUInt32BE(begin + 8), depth + 1)
  }

  #enter(number: number): void {
    if (this.#seen.has(number)) throw new ImageDamaged("a page is used twice")
    this.#seen.add(number)
  }

  #cell(
    page: Buffer,
    number: number,
    offset: number,
    index: number,
    { isLeaf, isTable }: (typeof TYPES)[keyof typeof TYPES],
  ): { readonly cell?: Cell; readonly left?: number; readonly end: number } {
    let at = offset
    const left = isLeaf ? undefined : readU32(page, at)
    if (!isLeaf) at += 4
    if (isTable && !isLeaf) {
      const { end } = readVarint(page, at)
      return { ...(left !== undefined && { left }), end }
    }
    const length = readVarint(page, at)
    at = length.end
    let rowId: number | undefined
    if (isTable) {
      const read = readVarint(page, at)
      rowId = read.value
      at = read.end
    }
    const local = localBytes(this.#image.usableBytes, length.value, isTable)
    const spills = local < length.value
    const end = at + local + (spills ? 4 : 0)
    if (end > page.length) throw new ImageDamaged("length of a cell")
    const kept = page.subarray(at, at + local)
    const payload = spills ? this.#spilled(kept, length.value, readU32(page, at + local)) : kept
    const cell = { page: number, offset, localBytes: Math.max(4, end - offset), index, rowId, payload }
    return { cell, ...(left !== undefined && { left }), end: offset + cell.localBytes }
  }

  #spilled(kept: Buffer, length: number, first: number): Buffer {
    const each = this.#image.usableBytes - 4
    if (length > this.#image.pageCount * each) throw new ImageDamaged("length of a row")
    const parts = [kept]
    let missing = length - kept.length
    for (let number = first; missing > 0; ) {
      this.#enter(number)
      const page = this.#image.page(number)
      const bytes = Math.min(missing, each)
      parts.push(page.subarray(4, 4 + bytes))
      this.#overflow.push({ number, usedBytes: 4 + bytes })
      missing -= bytes
      number = page.readUInt32BE(0)
    }
    return Buffer.concat(parts)
  }
}

/** How much of a payload lies in the tree's page itself. */
function localBytes(usable: number, payload: number, isTable: boolean): number {
  const most = isTable ? usable - 35 : Math.floor(((usable - 12) * 64) / 255) - 23
  if (payload <= most) return payload
  const least = Math.floor(((usable - 12) * 32) / 255) - 23
  const fitting = least + ((payload - least) % (usable - 4))
  return fitting <= most ? fitting : least
}

/** The chain through the gaps between cells: four bytes each, which say nothing of what was there. */
function freeBlockHeaders(page: Buffer, begin: number): (readonly [number, number])[] {
  const headers: (readonly [number, number])[] = []
  for (let at = page.readUInt16BE(begin + 1); at !== 0; at = page.readUInt16BE(at)) {
    if (at + 4 > page.length || headers.length > page.length / 4) throw new ImageDamaged("free block")
    headers.push([at, at + 4])
  }
  return headers
}

function readU32(page: Buffer, at: number): number {
  if (at + 4 > page.length) throw new ImageDamaged("length of a page")
  return page.readUInt32BE(at)
}
