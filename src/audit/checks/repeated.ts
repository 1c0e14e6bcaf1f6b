import type { Buffer } from "node:buffer"
import { type Column, columnsOf, distinctBytesOf, placeOf } from "../columns.ts"
import { type Check, countedFinding } from "../finding.ts"
import { worldOf } from "../promise.ts"
import { WindowIndex } from "../windows.ts"

/** One value of a column, once, however many rows hold it. */
interface Holder {
  readonly column: Column
  readonly value: Buffer
}

export const repeated: Check = {
  id: "repeated",
  question: "Do rows share bytes that tell that they belong together?",
  run(snapshots) {
    const found = snapshots.map((snapshot) => linksIn(columnsOf(snapshot)))
    const places = [...new Set(found.flatMap((links) => [...links.keys()]))]
    const counts = found.map((links) => Math.max(0, ...links.values()))
    return countedFinding("values that are also where they should not be", Math.max(0, ...counts), places, {
      clean: "No two rows share sixteen bytes by which to link them, unless the promise says so.",
      leak: "The same bytes are in both places. So their rows belong to the same person, or hold the same message.",
    })
  },
}

/** Pairs of columns with the number of byte strings that link them. */
function linksIn(columns: readonly Column[]): Map<string, number> {
  const holders = columns.flatMap((column) =>
    distinctBytesOf(column).map((value): Holder => ({ column, value })),
  )
  const sizes = Map.groupBy(holders, ({ column }) => column)
  const links = new Map<string, number>()
  for (const shared of new WindowIndex(holders.map(({ value }) => value)).shared()) {
    const who = shared.map((index) => holders[index] as Holder)
    const telling = [...Map.groupBy(who, ({ column }) => column)].filter(([column, some]) =>
      tells(some.length, sizes.get(column)?.length ?? 0),
    )
    for (const place of linksBetween(telling)) links.set(place, (links.get(place) ?? 0) + 1)
  }
  return links
}

/** What most values of a column have in common says nothing about one of them. */
function tells(some: number, all: number): boolean {
  return all >= 8 ? some <= all / 4 : all >= 3 && some === 1
}

function linksBetween(telling: readonly (readonly [Column, readonly Holder[]])[]): string[] {
  return telling.flatMap(([column, some], index) => {
    const others = telling
      .slice(index + 1)
      .filter(([other]) => worldOf(column.table) !== worldOf(other.table))
    const pairs = others.map(([other]) => `${placeOf(column)} and ${placeOf(other)}`)
    return some.length > 1 && isOpaque(column) ? [...pairs, `${placeOf(column)}, several rows`] : pairs
  })
}

/** Whether no two different values of the column should have anything in common. */
function isOpaque({ role }: Column): boolean {
  return role !== "public"
}
