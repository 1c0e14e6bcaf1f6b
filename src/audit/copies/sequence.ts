import { CannotLook, type Snapshot } from "../evidence.ts"
import { roleOf } from "../promise.ts"
import { type Interval, stayed, type TableChange, tablePlace } from "./intervals.ts"

/** Of fewer rows it is no wonder if none of them is in the other copy. */
const ROWS_MIN = 8

/** Copies are of one server, and the oldest comes first: otherwise what changed in between means nothing. Throws CannotLook where it shows that they are not. */
export function requireSequence(snapshots: readonly Snapshot[], intervals: readonly Interval[]): void {
  for (const [index, { changes }] of intervals.entries()) {
    const [earlier, later] = [snapshots[index], snapshots[index + 1]] as [Snapshot, Snapshot]
    const names = `${earlier.directory} and ${later.directory}`
    const sizes = [changes.map(({ before }) => before), changes.map(({ after }) => after)].map(sum)
    const common = changes.reduce((total, change) => total + stayed(change), 0)
    if (common === 0 && Math.min(...sizes) >= ROWS_MIN)
      throw new CannotLook(`${names} have no row in common: they are not copies of one server`)
    const place = goesBack(changes, earlier, later)
    if (place !== undefined)
      throw new CannotLook(`${names} are in the wrong order by ${place}: name the oldest copy first`)
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

/** Where something is smaller in the later copy that only goes up: a row's month, and what SQLite counts for row ids. */
function goesBack(changes: readonly TableChange[], earlier: Snapshot, later: Snapshot): string | undefined {
  const before = new Map(sequencesOf(earlier))
  const counted = sequencesOf(later).find(([place, number]) => number < (before.get(place) ?? 0))
  const dated = changes.find(({ table, changed }) =>
    changed.some(({ before: one, after: other }) =>
      [...other.values].some(([column, value]) => {
        return roleOf(table, column) === "month" && Number(value) < Number(one.values.get(column))
      }),
    ),
  )
  return counted?.[0] ?? (dated && `the months in ${tablePlace(dated)}`)
}

function sequencesOf({ databases }: Snapshot): [string, number][] {
  return databases.flatMap(({ name, contents }) =>
    contents.tables
      .filter((table) => table.name === "sqlite_sequence")
      .flatMap(({ rows }) =>
        rows.map(({ values }): [string, number] => [
          `${name}: the row ids of ${values.get("name")}`,
          Number(values.get("seq")),
        ]),
      ),
  )
}
