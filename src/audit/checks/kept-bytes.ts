import { Buffer } from "node:buffer"
import { type Interval, type TableChange, tablePlace } from "../copies/intervals.ts"
import { type Check, countedFinding } from "../finding.ts"
import { type Role, roleOf } from "../promise.ts"
import type { Row } from "../sqlite/contents.ts"
import { WindowIndex } from "../windows.ts"

/** Ids and what clients publish stay what they are, whatever else becomes of a row. */
const STAYING: ReadonlySet<Role> = new Set(["id", "public"])

/** A value as it was, or as it is. */
interface Version {
  readonly place: string
  readonly isNew: boolean
  readonly value: Buffer
}

/**
 * Within one copy no two ciphertexts share sixteen bytes (`repeated`); between copies most rows stay as they are, which says
 * nothing. What would is a row that was written anew, and kept a part of what it was.
 */
export function keptBytes(intervals: readonly Interval[]): Check {
  return {
    id: "kept-bytes",
    question: "Do rows that changed, or have a new name, keep bytes of what they were?",
    run() {
      const found = intervals.map(({ changes }) => keptIn(changes.flatMap(versionsOf)))
      const places = [...new Set(found.flatMap((kept) => [...kept.keys()]))]
      const most = Math.max(0, ...found.flatMap((kept) => [...kept.values()]))
      return countedFinding("values that keep some", most, places, {
        clean: "Whatever was written anew shares no sixteen bytes with what it was.",
        leak: "Values keep a part of what they were. So it shows which part of a row changed, or which of the rows before a row is that has a new name.",
      })
    },
  }
}

function versionsOf(change: TableChange): Version[] {
  const columns = change.columns.filter((column) => !STAYING.has(roleOf(change.table, column)))
  return columns.flatMap((column) => {
    const place = `${tablePlace(change)}.${column}`
    const versions = (rows: readonly Row[], isNew: boolean) =>
      rows.flatMap((row) => bytesIn(row, column).map((value): Version => ({ place, isNew, value })))
    const changed = change.changed.filter(({ before, after }) => !isSame(before, after, column))
    return [
      ...versions([...change.went, ...changed.map(({ before }) => before)], false),
      ...versions([...change.came, ...changed.map(({ after }) => after)], true),
    ]
  })
}

function isSame(one: Row, other: Row, column: string): boolean {
  const [[a], [b]] = [bytesIn(one, column), bytesIn(other, column)]
  return a !== undefined && b !== undefined && a.equals(b)
}

function bytesIn({ values }: Row, column: string): Buffer[] {
  const value = values.get(column)
  if (typeof value === "string") return [Buffer.from(value)]
  return Buffer.isBuffer(value) ? [value] : []
}

/** Columns in which values of both times share something, with the number of these. */
function keptIn(versions: readonly Version[]): Map<string, number> {
  const kept = new Map<string, number>()
  if (!versions.some(({ isNew }) => isNew) || versions.every(({ isNew }) => isNew)) return kept
  for (const shared of new WindowIndex(versions.map(({ value }) => value)).shared()) {
    const byPlace = Map.groupBy(
      shared.map((index) => versions[index] as Version),
      ({ place }) => place,
    )
    for (const [place, some] of byPlace) {
      if (some.some(({ isNew }) => isNew) && some.some(({ isNew }) => !isNew))
        kept.set(place, (kept.get(place) ?? 0) + 1)
    }
  }
  return kept
}
