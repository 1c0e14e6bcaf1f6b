import { midranks } from "../ranks.ts"
import { closeness, type Marks, marksOf } from "./closeness.ts"
import { type Guess, isOfOneKind, type Linking, scoresOf } from "./linking.ts"
import { type OwnedRow, type Owners, rowsOf } from "./owners.ts"

/**
 * Things that came one after the other: row ids, places in the file, counters. What is high in one table is held against what is high, or
 * low, in another, for all of their orders.
 */

interface Feature {
  readonly name: string
  /** Something is counted, and not a place in the file: the same number in two tables may be of the same event. */
  readonly isCount: boolean
  /** As they are. */
  readonly numbers: Marks
  /** From 0 to 1. */
  readonly ranks: Marks
  readonly count: number
}

/** Larger numbers are times. */
const COUNTER_MAX = 1e9
const DISTINCT_MIN = 3
const PLACES = ["page", "place in the file"] as const

export function orderGuesses(linking: Linking, owners: Owners): Guess[] {
  const left = featuresOf(rowsOf(owners, linking.left))
  const right = isOfOneKind(linking) ? left : featuresOf(rowsOf(owners, linking.right))
  const guesses = isOfOneKind(linking)
    ? left.flatMap((feature) => nearness(linking, feature, feature))
    : left.flatMap((one) => right.flatMap((other) => nearness(linking, one, other)))
  if (guesses.length === 0) return []
  return [mean(guesses), ...guesses]
}

function mean(guesses: readonly Guess[]): Guess {
  const scores = new Float64Array((guesses[0] as Guess).scores.length)
  for (const guess of guesses) {
    for (const [index, score] of guess.scores.entries()) scores[index] = (scores[index] as number) + score
  }
  return { attack: "order", how: "all orders", scores }
}

function nearness(linking: Linking, one: Feature, other: Feature): Guess[] {
  const unit = 1 / Math.max(one.count, other.count)
  const guess = (how: string, a: Marks, b: Marks, scale: number): Guess => ({
    attack: "order",
    how: one === other ? one.name : `${one.name} ${how} ${other.name}`,
    scores: scoresOf(linking, (l, r) => closeness(a[l] ?? [], b[r] ?? [], scale)),
  })
  const same = guess("like", one.ranks, other.ranks, unit)
  if (one === other) return [same]
  const turned = other.ranks.map((ranks) => ranks.map((rank) => 1 - rank).reverse())
  const against = guess("against", one.ranks, turned, unit)
  if (!one.isCount || !other.isCount) return [same, against]
  return [same, against, guess("equal to", one.numbers, other.numbers, 1)]
}

function featuresOf(things: readonly (readonly OwnedRow[])[]): Feature[] {
  const byName = new Map<string, number[][]>()
  for (const [thing, rows] of things.entries()) {
    for (const owned of rows) {
      for (const [name, number] of numbersOf(owned)) {
        const lists = byName.get(name) ?? things.map(() => [])
        byName.set(name, lists)
        ;(lists[thing] as number[]).push(number)
      }
    }
  }
  return [...byName].flatMap(([name, lists]) => featureOf(name, lists) ?? [])
}

function numbersOf({ place, row }: OwnedRow): [string, number][] {
  const { cell, values } = row
  const columns = [...values].filter(([, value]) => {
    return typeof value === "number" && value < COUNTER_MAX && value !== cell.rowId
  }) as [string, number][]
  const positions: [string, number][] =
    cell.rowId === undefined
      ? [
          [PLACES[0], cell.page],
          [PLACES[1], cell.page + cell.offset / 2 ** 16],
        ]
      : [["row id", cell.rowId]]
  return [...columns, ...positions].map(([name, value]) => [`${place}, ${name}`, value])
}

/** undefined: it tells things apart hardly or not at all. */
function featureOf(name: string, lists: readonly (readonly number[])[]): Feature | undefined {
  const all = lists.flat()
  const ranks = midranks(all)
  const rankOf = new Map(all.map((number, index) => [number, (ranks[index] as number) / all.length]))
  const described = new Set(lists.filter(({ length }) => length > 0).map((list) => list.join()))
  if (described.size < DISTINCT_MIN) return undefined
  const numbers = marksOf(lists)
  const ranked = numbers.map((list) => list.map((number) => rankOf.get(number) as number))
  const isCount = !PLACES.some((place) => name.endsWith(place))
  return { name, isCount, numbers, ranks: ranked, count: all.length }
}
