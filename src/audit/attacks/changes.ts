import { tablesOf } from "../columns.ts"
import type { Snapshot } from "../evidence.ts"
import { type Growth, growthGuesses, growthOf } from "./growth.ts"
import { type Guess, isOfOneKind, type Linking } from "./linking.ts"
import { type OwnedRow, ownersOf } from "./owners.ts"

/**
 * What several snapshots tell: things that come, change and go in the same intervals. The fewer do, the more it says
 * about those who do.
 */

const KINDS = ["come", "change", "go"] as const
type Kind = (typeof KINDS)[number]
/** Places in the list of things, by what happened to them. */
type Interval = Readonly<Record<Kind, readonly number[]>>

/** Looks at snapshots one after the other, and keeps of each only what it takes to see changes. */
export class ChangeLog {
  readonly linking: Linking
  readonly #ids: ReadonlySet<string>
  readonly #sides: readonly { readonly ids: readonly string[]; readonly intervals: Interval[] }[]
  readonly #growth: Growth[] = []
  #before: ReadonlyMap<string, number | bigint> | undefined
  #counts: ReadonlyMap<string, number> = new Map()

  constructor(linking: Linking) {
    const { left, right } = linking
    this.linking = linking
    this.#ids = new Set([...left, ...right])
    this.#sides = (isOfOneKind(linking) ? [left] : [left, right]).map((ids) => ({ ids, intervals: [] }))
  }

  see(snapshot: Snapshot): void {
    const now = new Map<string, number | bigint>()
    for (const [id, rows] of ownersOf(snapshot, this.#ids)) now.set(id, fingerprintOf(rows))
    const [before, counts] = [this.#before, this.#counts]
    this.#before = now
    this.#counts = new Map(
      tablesOf(snapshot).map(({ database, table }) => [`${database}: ${table.name}`, table.rows.length]),
    )
    if (before === undefined) return
    for (const { ids, intervals } of this.#sides) intervals.push(intervalOf(ids, before, now))
    this.#growth.push(growthOf(counts, this.#counts))
  }

  guesses(): Guess[] {
    const [left = [], right = left] = this.#sides.map(({ intervals }) => intervals)
    const each = KINDS.flatMap((one) =>
      KINDS.map((other): Guess => {
        return {
          attack: "changes",
          how: `${one} and ${other}`,
          scores: this.#together(left, right, one, other),
        }
      }),
    ).filter(({ scores }) => scores.some((score) => score !== 0))
    const active = [left, right].map((intervals) => intervals.map(activeIn)) as [number[][], number[][]]
    const growth = growthGuesses(this.linking, this.#growth, ...active)
    return [this.#all(each), this.#correlation(left, right), ...each, ...growth]
  }

  #all(guesses: readonly Guess[]): Guess {
    const { left, right } = this.linking
    const scores = new Float64Array(left.length * right.length)
    for (const guess of guesses) {
      for (const [index, score] of guess.scores.entries()) scores[index] = (scores[index] as number) + score
    }
    return { attack: "changes", how: "all", scores }
  }

  /** How surprising it is that both did it in the same intervals, in nats. */
  #together(lefts: readonly Interval[], rights: readonly Interval[], one: Kind, other: Kind): Float64Array {
    const { left, right } = this.linking
    const scores = new Float64Array(left.length * right.length)
    const symmetric = isOfOneKind(this.linking)
    const add = (l: number, r: number, weight: number) => {
      const place = l * right.length + r
      scores[place] = (scores[place] as number) + weight
    }
    for (const [index, interval] of lefts.entries()) {
      const [ls, rs] = [interval[one], (rights[index] as Interval)[other]]
      if (ls.length === 0 || rs.length === 0) continue
      const weight = Math.log((left.length * right.length) / (ls.length * rs.length))
      for (const l of ls) {
        for (const r of rs) {
          if (symmetric && l === r) continue
          add(l, r, weight)
          if (symmetric && one !== other) add(r, l, weight)
        }
      }
    }
    return scores
  }

  /** Phi coefficient of what happened at all: it takes no account of how often each of the two does something. */
  #correlation(lefts: readonly Interval[], rights: readonly Interval[]): Guess {
    const { left, right } = this.linking
    const [ls, rs] = [activity(left.length, lefts), activity(right.length, rights)]
    const scores = new Float64Array(left.length * right.length)
    for (let l = 0; l < left.length; l++) {
      for (let r = 0; r < right.length; r++) {
        scores[l * right.length + r] = phi(ls[l] as Uint8Array, rs[r] as Uint8Array)
      }
    }
    return { attack: "changes", how: "correlation", scores }
  }
}

/** Order does not matter. */
function fingerprintOf(rows: readonly OwnedRow[]): number | bigint {
  return Bun.hash(
    rows
      .map(({ row }) => Bun.hash(row.cell.payload).toString(36))
      .sort()
      .join(),
  )
}

function intervalOf(
  ids: readonly string[],
  before: ReadonlyMap<string, unknown>,
  now: ReadonlyMap<string, unknown>,
): Interval {
  const places = (holds: (id: string) => boolean) =>
    [...ids.keys()].filter((place) => holds(ids[place] as string))
  return {
    come: places((id) => !before.has(id) && now.has(id)),
    change: places((id) => before.has(id) && now.has(id) && before.get(id) !== now.get(id)),
    go: places((id) => before.has(id) && !now.has(id)),
  }
}

/** Places of the things that something happened to. */
function activeIn(interval: Interval): number[] {
  return KINDS.flatMap((kind) => interval[kind])
}

function activity(things: number, intervals: readonly Interval[]): Uint8Array[] {
  const active = Array.from({ length: things }, () => new Uint8Array(intervals.length))
  for (const [index, interval] of intervals.entries()) {
    for (const thing of activeIn(interval)) (active[thing] as Uint8Array)[index] = 1
  }
  return active
}

function phi(one: Uint8Array, other: Uint8Array): number {
  const intervals = one.length
  let [ones, others, both] = [0, 0, 0]
  for (let at = 0; at < intervals; at++) {
    ones += one[at] as number
    others += other[at] as number
    both += (one[at] as number) & (other[at] as number)
  }
  const spread = ones * (intervals - ones) * others * (intervals - others)
  return spread === 0 ? 0 : (intervals * both - ones * others) / Math.sqrt(spread)
}
