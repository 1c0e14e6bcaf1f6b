import { bytesOf, type Column, distinctBytesOf, numbersOf } from "../columns.ts"
import type { Check } from "../finding.ts"
import { deviationFromUniform, entropyOf, entropyOfCounts } from "../statistics.ts"
import { columnFinding } from "./column-finding.ts"

export const counters: Check = {
  id: "counters",
  question: "Are there numbers that count something, or say more than a month?",
  run(snapshots) {
    const bitsOf = (column: Column) => (isCounting(column) ? entropyOf(numbersOf(column)) : 0)
    return columnFinding("bits a row", snapshots, bitsOf, {
      clean: "Numbers are months, pieces of something, or yes and no.",
      leak: "These numbers differ from row to row. Counters outlive what they counted, and single rows out.",
    })
  },
}

const MONTHS_MAX = 1200
const PARTS_MAX = 256

function isCounting({ role, ...column }: Column): boolean {
  const numbers = numbersOf(column)
  const within = (max: number) =>
    numbers.every((number) => Number.isInteger(number) && number >= 0 && number < max)
  if (role === "month") return !within(MONTHS_MAX)
  if (role === "part") return !within(PARTS_MAX)
  if (role === "flag") return !within(2)
  // Whether places count is for row-ids to say.
  if (role === "place") return false
  return true
}

export const lengths: Check = {
  id: "lengths",
  question: "Do the lengths of rows tell one from another?",
  run(snapshots) {
    return columnFinding("bits a row", snapshots, lengthBits, {
      clean: "Every column has one length, or the lengths of its padding.",
      leak: "Rows of these columns have lengths of their own. A rare one is found again wherever it comes up, and long ones say that there is much in them.",
    })
  },
}

/** The smallest unit of padding that hides anything. */
const PADDING_BYTES_MIN = 4096

function lengthBits(column: Column): number {
  const { role } = column
  if (role === "public" || role === "id") return 0
  const sizes = bytesOf(column).map(({ length }) => length)
  if (role !== "padded") return entropyOf(sizes)
  const least = Math.min(...sizes)
  return entropyOf(sizes.map((size) => (size - least) % PADDING_BYTES_MIN))
}

export const randomness: Check = {
  id: "randomness",
  question: "Is there anything but random bytes where ciphertexts and ids should be?",
  run(snapshots) {
    return columnFinding("bits a byte below random", snapshots, missingBits, {
      clean: "All that is not public looks random.",
      leak: "These columns hold something that can be read, or that has a form.",
    })
  },
}

/** Fewer bytes say nothing about where they come from. */
const SAMPLE_BYTES_MIN = 2048
/** Deviations of uniform bytes; chance gets there once in 10^9 columns. */
const DEVIATION_MAX = 7

function missingBits(column: Column): number {
  const counts = byteCounts(column)
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total < SAMPLE_BYTES_MIN || deviationFromUniform(counts) < DEVIATION_MAX) return 0
  return 8 - entropyOfCounts(counts)
}

function byteCounts(column: Column): number[] {
  const counts = new Array<number>(256).fill(0)
  if (column.role === "public") return counts
  for (const bytes of distinctBytesOf(column)) {
    // The highest bits of public keys are zero or nearly always.
    const length = column.role === "key" ? bytes.length - 1 : bytes.length
    for (let at = 0; at < length; at++) {
      const byte = bytes[at] as number
      counts[byte] = (counts[byte] as number) + 1
    }
  }
  return counts
}
