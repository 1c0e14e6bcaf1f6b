import { midranks, rankCorrelation } from "../ranks.ts"
import type { Estimate } from "../statistics.ts"
import { closeness, type Marks, marksOf } from "./closeness.ts"
import { type Guess, isOfOneKind, type Linking, scoresOf } from "./linking.ts"
import { type OwnedRow, type Owners, rowsOf } from "./owners.ts"

/**
 * Things that came one after the other: row ids, pages of the file, keys that go up, counters. What is high in one table is held
 * against what is high, or low, in another, for all of their orders.
 */

interface Feature {
  readonly name: string
  /** Something is counted, and not a place: the same number in two tables may be of the same event. */
  readonly isCount: boolean
  /** As they are. */
  readonly numbers: Marks
  /** From 0 to 1. */
  readonly ranks: Marks
  readonly count: number
  /** How many different ones there are, of pages and counters: the more, the finer is what they tell. */
  readonly fineness: number
}

/** A guess that counts so much in the mean of all. */
interface Weighed {
  readonly guess: Guess
  readonly weight: number
}

/** Larger numbers are times. */
const COUNTER_MAX = 1e9
const DISTINCT_MIN = 3
const PLACES = ["page", "place among the keys"] as const

export function orderGuesses(linking: Linking, owners: Owners): Guess[] {
  const left = featuresOf(rowsOf(owners, linking.left))
  const right = isOfOneKind(linking) ? left : featuresOf(rowsOf(owners, linking.right))
  const weighed = isOfOneKind(linking)
    ? left.flatMap((feature) => nearness(linking, feature, feature))
    : left.flatMap((one) => right.flatMap((other) => nearness(linking, one, other)))
  if (weighed.length === 0) return []
  return [mean(weighed), ...weighed.map(({ guess }) => guess)]
}

function mean(weighed: readonly Weighed[]): Guess {
  const scores = new Float64Array((weighed[0] as Weighed).guess.scores.length)
  for (const { guess, weight } of weighed) {
    if (weight === 0) continue
    for (const [index, score] of guess.scores.entries()) {
      scores[index] = (scores[index] as number) + weight * score
    }
  }
  return { attack: "order", how: "all orders, by how fine they are", scores }
}

function nearness(linking: Linking, one: Feature, other: Feature): Weighed[] {
  const unit = 1 / Math.max(one.count, other.count)
  const guess = (how: string, a: Marks, b: Marks, scale: number): Guess => ({
    attack: "order",
    how: one === other ? one.name : `${one.name} ${how} ${other.name}`,
    scores: scoresOf(linking, (l, r) => closeness(a[l] ?? [], b[r] ?? [], scale)),
  })
  const same = { guess: guess("like", one.ranks, other.ranks, unit), weight: one.fineness * other.fineness }
  if (one === other) return [same]
  const turned = other.ranks.map((ranks) => ranks.map((rank) => 1 - rank).reverse())
  const against = { guess: guess("against", one.ranks, turned, unit), weight: 0 }
  if (!one.isCount || !other.isCount) return [same, against]
  return [same, against, { guess: guess("equal to", one.numbers, other.numbers, 1), weight: 0 }]
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

function numbersOf({ place, index, row }: OwnedRow): [string, number][] {
  const { cell, values } = row
  const columns = [...values].filter(([, value]) => {
    return typeof value === "number" && value < COUNTER_MAX && value !== cell.rowId
  }) as [string, number][]
  const positions: [string, number][] =
    cell.rowId === undefined
      ? [
          [PLACES[0], cell.page],
          [PLACES[1], index],
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
  const fineness = name.endsWith(PLACES[1]) ? 0 : rankOf.size
  return { name, isCount, numbers, ranks: ranked, count: all.length, fineness }
}

/** How much the pages of a table follow an order. */
export interface PageOrder {
  readonly place: string
  readonly correlation: Estimate
}

/** Of each table with rows of all these things: whether things that came later, by their order here, lie on later pages. */
export function pageOrders(owners: Owners, ids: readonly string[]): PageOrder[] {
  const pages = new Map<string, Map<number, number[]>>()
  for (const [thing, rows] of rowsOf(owners, ids).entries()) {
    for (const { place, row } of rows) {
      const things = pages.get(place) ?? new Map<number, number[]>()
      pages.set(place, things)
      things.set(thing, [...(things.get(thing) ?? []), row.cell.page])
    }
  }
  return [...pages].flatMap(([place, things]) => {
    if (things.size < ids.length) return []
    const means = ids.map((_, thing) => meanOf(things.get(thing) as readonly number[]))
    return [{ place, correlation: rankCorrelation([...ids.keys()], means) }]
  })
}

function meanOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length
}
