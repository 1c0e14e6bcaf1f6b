import { isNamedAnew, mayChange } from "../copies/conceded.ts"
import { type Interval, stayed, type TableChange, tablePlace } from "../copies/intervals.ts"
import { type Check, countedFinding } from "../finding.ts"
import { worldOf } from "../promise.ts"
import { bitsOfChoice } from "../statistics.ts"

/** Some of a table's rows changed, and not others. Where all did, or none, nothing is told of one of them. */
function someChanged(change: TableChange): boolean {
  return change.changed.length > 0 && change.changed.length < stayed(change)
}

export function changedRows(intervals: readonly Interval[]): Check {
  return {
    id: "changed-rows",
    question: "Do copies show whose rows changed in between?",
    run() {
      const changes = intervals.flatMap((interval) =>
        interval.changes.filter(someChanged).map((change) => ({ interval, change })),
      )
      const told = Map.groupBy(
        changes.filter(({ change }) => !mayChange(change.table)),
        ({ change }) => tablePlace(change),
      )
      const leaks = [...told].map(([place, some]) => {
        const bits = some.reduce((sum, one) => sum + bitsOf(one.change), 0)
        return { place: `${place}: ${bits.toFixed(1)} bits; ${wordsOf(some[0] as Told)}`, bits }
      })
      const worst = Math.max(0, ...leaks.map(({ bits }) => bits))
      return {
        ...countedFinding(
          "bits about whose rows changed",
          worst,
          leaks.map(({ place }) => place),
          {
            clean: "Of every table all rows changed or none, but for those that the promise concedes.",
            leak: "Single rows changed while others of the same table did not. So copies show who did something, and rows that change together again and again belong together. Of a Cinder server it means that the copies lie closer together than a pass of sealing anew (reseal-minutes).",
          },
        ),
        ...(worst === 0 && { details: conceded(changes) }),
      }
    },
  }
}

interface Told {
  readonly interval: Interval
  readonly change: TableChange
}

function bitsOf(change: TableChange): number {
  return bitsOfChoice(stayed(change), change.changed.length)
}

function wordsOf({ interval, change }: Told): string {
  return `${change.changed.length} of ${stayed(change)} changed between ${interval.name}`
}

function conceded(changes: readonly Told[]): string[] {
  const byTable = Map.groupBy(changes, ({ change }) => tablePlace(change))
  return [...byTable].map(([place, some]) => `conceded: ${place}, ${wordsOf(some[0] as Told)}`)
}

/** One table grew while single rows of another changed, and none of them may be linked. */
export function growth(intervals: readonly Interval[]): Check {
  return {
    id: "growth",
    question: "Do copies tell whose new rows are, by what changed with them?",
    run() {
      const found = intervals.flatMap((interval) => growthIn(interval))
      const bits = Math.max(0, ...found.map((one) => one.bits))
      const places = found.toSorted((a, b) => b.bits - a.bits).map(({ place }) => place)
      return countedFinding("bits about whose a new row is", bits, places, {
        clean: "No table grew while single rows of another changed that it may not be linked with.",
        leak: "Rows came while single rows of another table changed. So they belong to those, and how many came says how much each of them got.",
      })
    },
  }
}

function growthIn({ name, changes }: Interval): { readonly place: string; readonly bits: number }[] {
  const telling = changes.filter((change) => someChanged(change) && !mayChange(change.table))
  return telling.flatMap((one) => {
    const unlinkable = changes.filter((other) => worldOf(one.table) !== worldOf(other.table))
    const grown = unlinkable.filter((other) => other.came.length > 0 && !isNamedAnew(other))
    return grown.map((other) => {
      const [some, all] = [one.changed.length, stayed(one)]
      const words = `${other.came.length} rows came into ${tablePlace(other)} while ${some} of ${all} in ${tablePlace(one)} changed`
      return { place: `between ${name} ${words}`, bits: Math.log2(all / some) }
    })
  })
}
