import type { Buffer } from "node:buffer"
import type { Snapshot } from "../evidence.ts"
import type { DatabaseImage } from "../sqlite/image.ts"
import { commonScores } from "./common.ts"
import { type Guess, isOfOneKind, type Linking } from "./linking.ts"

/** What was written together, or one after the other, by the transactions in the write-ahead log. */

/** Ids are at the beginning of a row. */
const SEARCHED_BYTES = 128
const CELL_POINTERS = { 2: 12, 5: 12, 10: 8, 13: 8 } as const

export function logGuesses(linking: Linking, snapshot: Snapshot): Guess[] {
  const { left, right } = linking
  const things = isOfOneKind(linking) ? left : [...left, ...right]
  const ids = new Map(things.map((id, thing) => [id, thing]))
  const transactions = snapshot.databases.flatMap(({ image }) => [...transactionsOf(image, ids), []])
  return WINDOWS.map((length) => ({
    attack: "log",
    how: length === 1 ? "one transaction" : `${length} transactions after one another`,
    scores: commonScores(linking, windowsOf(transactions, length)),
  }))
}

/** What came within so many transactions is taken for one event. */
const WINDOWS = [1, 4, 16]

function windowsOf(transactions: readonly (readonly number[])[], length: number): Set<number>[] {
  return Array.from({ length: Math.max(0, transactions.length - length + 1) }, (_, at) => {
    return new Set(transactions.slice(at, at + length).flat())
  })
}

/** The things whose rows each transaction added or changed. */
function transactionsOf(image: DatabaseImage, ids: ReadonlyMap<string, number>): number[][] {
  const latest = new Map<number, Buffer>()
  const fileBytes = (page: number) => image.file.subarray((page - 1) * image.pageSize, page * image.pageSize)
  return [...Map.groupBy(image.frames, ({ transaction }) => transaction).values()].map((frames) => {
    const before = new Set<string>()
    for (const { page } of frames) {
      for (const cell of cellsOf(latest.get(page) ?? fileBytes(page), page))
        before.add(cell.toString("latin1"))
    }
    for (const { page, bytes } of frames) latest.set(page, bytes)
    const changed = frames.flatMap(({ page, bytes }) => {
      return cellsOf(bytes, page).filter((cell) => !before.has(cell.toString("latin1")))
    })
    return thingsIn(changed, ids)
  })
}

/** A tree page's cells; none of other pages. The schema's page says nothing. */
function cellsOf(page: Buffer, number: number): Buffer[] {
  const pointers = CELL_POINTERS[page[0] as keyof typeof CELL_POINTERS]
  if (number === 1 || pointers === undefined) return []
  const count = page.readUInt16BE(3)
  if (pointers + 2 * count > page.length) return []
  const offsets = Array.from({ length: count }, (_, index) => page.readUInt16BE(pointers + 2 * index))
  const ends = offsets.toSorted((a, b) => a - b)
  return offsets.map((offset) => {
    const next = ends.find((end) => end > offset) ?? page.length
    return page.subarray(offset, next)
  })
}

function thingsIn(cells: readonly Buffer[], ids: ReadonlyMap<string, number>): number[] {
  const found = new Set<number>()
  for (const cell of cells) {
    const hex = cell.subarray(0, SEARCHED_BYTES).toString("hex")
    for (let at = 0; at + 32 <= hex.length; at += 2) {
      const thing = ids.get(hex.slice(at, at + 32)) ?? ids.get(hex.slice(at, at + 64))
      if (thing !== undefined) found.add(thing)
    }
  }
  return [...found]
}
