import type { Buffer } from "node:buffer"
import { tablesOf } from "../columns.ts"
import type { Database } from "../evidence.ts"
import { type Check, countedFinding } from "../finding.ts"
import { isFresh } from "../promise.ts"

export const log: Check = {
  id: "log",
  question: "Does the write-ahead log tell what was written together, or hold what was deleted?",
  run(snapshots) {
    const logs = snapshots
      .flatMap(({ databases }) => databases)
      .filter(({ image }) => image.frames.length > 0)
    const places = logs.map(({ name, image: { frames } }) => {
      return `${name}-wal: ${transactionsIn(frames)} transactions in ${frames.length} pages`
    })
    const count = logs.reduce((sum, { image }) => sum + transactionsIn(image.frames), 0)
    return countedFinding("transactions that can be read", count, places, {
      clean: "It holds zeros, or is not there.",
      leak: "Whatever is in one transaction was written in one moment: the rows of a message's recipients are there side by side. Older pages in it hold what was deleted since.",
    })
  },
}

export const freshRows: Check = {
  id: "fresh-rows",
  question: "Do rows lie apart because they came last?",
  run(snapshots) {
    const apart = snapshots
      .flatMap(tablesOf)
      .filter(({ table: { name, rows } }) => isFresh(name) && rows.length > 0)
    const places = apart.map(({ database, table: { name, rows } }) => `${database}: ${name}: ${rows.length}`)
    const count = apart.reduce((sum, { table: { rows } }) => sum + rows.length, 0)
    return countedFinding("rows", count, places, {
      clean: "Whatever came lies among all others.",
      leak: "These came within the last moments before the copy, as what is in a log that was not scrubbed. The next start puts them among the others.",
    })
  },
}

function transactionsIn(frames: Database["image"]["frames"]): number {
  return new Set(frames.map(({ transaction }) => transaction)).size
}

export const residue: Check = {
  id: "residue",
  question: "Is anything left of deleted rows, in free pages, in gaps between rows or behind the end?",
  run(snapshots) {
    const counted = snapshots.flatMap(({ databases }) =>
      databases.flatMap((database) => [...remainsOf(database)].filter(({ bytes }) => bytes > 0)),
    )
    const bytes = counted.reduce((sum, part) => sum + part.bytes, 0)
    const places = counted.map((part) => `${part.place}: ${part.bytes} bytes`)
    return countedFinding("bytes", bytes, places, {
      clean: "All that is not in use is zero.",
      leak: "These bytes mean nothing to the database any more, but they are still there: parts of rows that were deleted, replaced or moved.",
    })
  },
}

function* remainsOf({ name, image, unused }: Database): Generator<{ place: string; bytes: number }> {
  const pages = new Map<number, number>()
  for (const { page, bytes } of unused) {
    pages.set(page, (pages.get(page) ?? 0) + nonZero(bytes))
  }
  for (const [page, bytes] of pages) yield { place: `${name}: page ${page}`, bytes }
  const end = image.pageCount * image.pageSize
  yield { place: `${name}: behind its end`, bytes: nonZero(image.file.subarray(end)) }
  if (image.frames.length === 0) yield { place: `${name}-wal: no page, but`, bytes: nonZero(image.log) }
}

function nonZero(bytes: Buffer): number {
  let count = 0
  for (const byte of bytes) if (byte !== 0) count += 1
  return count
}
