import type { Buffer } from "node:buffer"
import type { Column } from "../columns.ts"
import type { EvidenceFile } from "../evidence.ts"
import { type Check, countedFinding } from "../finding.ts"
import { entropyOf } from "../statistics.ts"
import { columnFinding } from "./column-finding.ts"

/** A time counts as fine if it tells more than its month: if two of one month differ. */

export const columnTimes: Check = {
  id: "column-times",
  question: "Are there times in the rows that say more than a month?",
  run(snapshots) {
    const bitsOf = (column: Column) => Math.max(0, ...seriesOf(column).map(bitsBeyondMonth))
    return columnFinding("bits a row", snapshots, bitsOf, {
      clean: "There are months, or none.",
      leak: "These columns hold times to the day or finer. Rows of one moment belong together.",
    })
  },
}

/** In seconds since 1970. */
const EARLIEST = Date.UTC(2015) / 1000
const LATEST = Date.UTC(2045) / 1000
/** Seconds, milliseconds, microseconds. */
const UNITS = [1, 1e3, 1e6]
/** Fewer rows could hold such numbers by chance. */
const ROWS_MIN = 4

function bitsBeyondMonth(times: readonly number[]): number {
  const month = (seconds: number) => new Date(seconds * 1000).toISOString().slice(0, 7)
  return entropyOf(times.map((time) => `${time}`)) - entropyOf(times.map(month))
}

/** What may be times: one list for numbers, one for texts, one for each place in byte strings of one length. */
function seriesOf(column: Column): number[][] {
  const numbers = column.values.filter((value) => typeof value === "number")
  const texts = column.values.filter((value) => typeof value === "string")
  const blobs = column.values.filter((value) => value instanceof Uint8Array)
  const series = [asTimes(numbers), asTimes(texts.map((text) => Date.parse(text) / 1000))]
  for (const alike of Map.groupBy(blobs, ({ length }) => length).values()) series.push(...timesInside(alike))
  return series.filter((times) => times !== undefined)
}

/** Seconds, if all numbers are times in one unit. */
function asTimes(numbers: readonly number[]): number[] | undefined {
  if (numbers.length < ROWS_MIN) return undefined
  const unit = UNITS.find((each) =>
    numbers.every((number) => number > EARLIEST * each && number < LATEST * each),
  )
  return unit === undefined ? undefined : numbers.map((number) => number / unit)
}

/** Rows looked at for each place: random bytes are times in eight rows with a chance of 10^-50. */
const SAMPLE_ROWS = 8

function timesInside(blobs: readonly Buffer[]): number[][] {
  const sample = blobs.slice(0, SAMPLE_ROWS)
  const length = blobs[0]?.length ?? 0
  const series: number[][] = []
  if (sample.length < ROWS_MIN) return series
  for (let at = 0; at + 8 <= length; at++) {
    for (const read of readers) {
      if (asTimes(sample.map((blob) => read(blob, at))) === undefined) continue
      const times = asTimes(blobs.map((blob) => read(blob, at)))
      if (times !== undefined) series.push(times)
    }
  }
  return series
}

const readers: readonly ((blob: Buffer, at: number) => number)[] = [
  (blob, at) => blob.readUInt32BE(at) * 2 ** 32 + blob.readUInt32BE(at + 4),
  (blob, at) => blob.readUInt32LE(at + 4) * 2 ** 32 + blob.readUInt32LE(at),
  (blob, at) =>
    blob.subarray(at, at + 8).every((byte) => byte >= 0x20 && byte < 0x7f) ? textTime(blob, at) : 0,
]

/** Digits of seconds or milliseconds, or the beginning of a date. */
function textTime(blob: Buffer, at: number): number {
  const text = blob.subarray(at, at + 24).toString("latin1")
  const digits = /^(?:\d{13}|\d{10})(?!\d)/.exec(text)?.[0]
  if (digits !== undefined) return Number(digits)
  const date = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?/.exec(text)?.[0]
  return date === undefined ? 0 : Date.parse(`${date.replace(" ", "T")}Z`) / 1000
}

export const fileTimes: Check = {
  id: "file-times",
  question: "Do the files say when something was last written?",
  run(snapshots) {
    const fine = snapshots.flatMap(({ files }) => files).filter(tellsTime)
    const places = fine.map(({ name, modified }) => `${name}: ${new Date(modified).toISOString()}`)
    return countedFinding("files", fine.length, places, {
      clean: "They have times of a month's beginning, or of the moment in which they were copied.",
      leak: "The time of the last change is that of somebody's last message, or of the last registration.",
    })
  },
}

/** A file that came into being with its last change is a copy. */
const COPYING_MILLISECONDS = 60_000

function tellsTime({ modified, made }: EvidenceFile): boolean {
  const date = new Date(modified)
  const month = Date.UTC(date.getUTCFullYear(), date.getUTCMonth())
  return modified !== month && modified > made + COPYING_MILLISECONDS
}
