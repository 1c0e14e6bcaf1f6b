import { type Interval, type TableChange, tablePlace } from "../copies/intervals.ts"
import { type Check, countedFinding } from "../finding.ts"
import { isPromised } from "../promise.ts"
import { entropyOfCounts } from "../statistics.ts"

/** How many rows each table has over time. The promise concedes that of Cinder's tables, each of which is everybody's. */
export function counts(intervals: readonly Interval[]): Check {
  return {
    id: "counts",
    question: "Does the growth of tables tell whose their rows are?",
    run() {
      const parts = [...partitions(intervals).entries()].map(([, changes]) => growthOf(changes))
      const bits = Math.max(0, ...parts.map((part) => part.bits))
      const leaks = parts.filter((part) => part.bits > 0)
      return {
        ...countedFinding(
          "bits a new row",
          bits,
          leaks.map(({ place }) => place),
          {
            clean: "Tables grow and shrink as a whole: that much the promise concedes.",
            leak: "Tables of one form grow each by itself. So which table a row comes into says whose it is.",
          },
        ),
        ...(bits === 0 && { details: histories(intervals) }),
      }
    },
  }
}

/** Tables of strangers that have the same columns: one thing kept apart by something. */
function partitions(intervals: readonly Interval[]): Map<string, TableChange[]> {
  const changes = intervals.flatMap((interval) => interval.changes)
  return Map.groupBy(
    changes.filter(({ table, columns }) => !isPromised(table, columns)),
    ({ database, columns }) => `${database} ${columns.join()}`,
  )
}

function growthOf(changes: readonly TableChange[]): { readonly place: string; readonly bits: number } {
  const growth = Map.groupBy(changes, tablePlace)
  const came = [...growth.values()].map((some) => some.reduce((sum, one) => sum + one.came.length, 0))
  const [first = ""] = growth.keys()
  const bits = entropyOfCounts(came)
  return {
    place: `${first} and ${growth.size - 1} more tables with its columns: ${bits.toFixed(3)} bits`,
    bits,
  }
}

/** Of the tables that changed in size, their numbers of rows. */
function histories(intervals: readonly Interval[]): string[] {
  const byTable = Map.groupBy(
    intervals.flatMap(({ changes }) => changes),
    tablePlace,
  )
  return [...byTable].flatMap(([place, changes]) => {
    const numbers = [changes[0]?.before ?? 0, ...changes.map(({ after }) => after)]
    return new Set(numbers).size === 1 ? [] : [`${place}: ${shortened(numbers).join(", ")} rows`]
  })
}

/** Numbers told of one table, at most; of more copies the first and the last ones. */
const NUMBERS_MAX = 8

function shortened(numbers: readonly number[]): (number | string)[] {
  if (numbers.length <= NUMBERS_MAX) return [...numbers]
  return [...numbers.slice(0, NUMBERS_MAX / 2), "…", ...numbers.slice(-NUMBERS_MAX / 2)]
}
