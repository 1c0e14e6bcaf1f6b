import { type Guess, isOfOneKind, type Linking } from "./attacks/linking.ts"
import { areaUnderCurve, midranks, surelyFound } from "./ranks.ts"
import type { Estimate } from "./statistics.ts"

/**
 * How well guesses do, against all other pairs.
 *
 * Pairs are not independent: two of them may share a person, a group or a message, and so may their scores. Intervals that
 * take them for independent (DeLong) are far too narrow then, and drawing people with replacement pairs people with themselves. So the
 * guesses are held against themselves under other names: the truth stays, and the scores stay, but whose is whose is shuffled. If
 * the scores tell nothing, all of these are equally likely, whatever the dependences within truth and scores (quadratic
 * assignment; Hubert and Schultz, 1976). An attack that tried several guesses is held against the best of as many under
 * each shuffle (Westfall and Young, 1993).
 */

/** What an attack came to. */
export interface Score {
  readonly attack: string
  /** The best of its guesses. */
  readonly how: string
  /** Area under the ROC curve; 0.5 is chance. `low` is above 0.5 in one of 40 attacks that tell nothing. */
  readonly area: Estimate
  /** The share of all pairs that are found with at most one wrong one in ten. */
  readonly found: number
}

export interface Judgement {
  readonly target: Linking["target"]
  readonly pairs: number
  readonly things: number
  readonly scores: readonly Score[]
  /** How often all attacks together would do so well by chance. */
  readonly chance: number
}

const SHUFFLES = 400
/** So many shuffles that do as well as the guesses are enough to know how often it happens. */
const AS_GOOD_ENOUGH = 10
const QUANTILE = 0.975

/** `shufflesMax`: how often the names are shuffled before it is called impossible; bounds `chance` from below. */
export function judge(linking: Linking, guesses: readonly Guess[], shufflesMax: number): Judgement {
  const { target, left, right, pairs } = linking
  const trial = new Trial(linking, [...guesses, combined(linking, guesses)])
  const actual = trial.areas(trial.names())
  const shuffled = Array.from({ length: SHUFFLES }, () => trial.areas(trial.shuffledNames()))
  const deviations = actual.map((_, index) => deviationOf(shuffled.map((areas) => areas[index] as number)))
  const excess = (areas: readonly number[], index: number) => {
    const deviation = deviations[index] as number
    return deviation === 0 ? 0 : ((areas[index] as number) - 0.5) / deviation
  }
  const indexes = Map.groupBy(actual.keys(), (index) => (trial.guesses[index] as Guess).attack)
  const scores = [...indexes].map(([attack, those]): Score => {
    const best = those.reduce((a, b) => (excess(actual, b) > excess(actual, a) ? b : a))
    const others = shuffled.map((areas) => Math.max(...those.map((index) => excess(areas, index))))
    const half = quantile(others, QUANTILE) * (deviations[best] as number)
    const value = actual[best] as number
    const area = { value, low: Math.max(0, value - half), high: Math.min(1, value + half) }
    return { attack, how: (trial.guesses[best] as Guess).how, area, found: trial.found(best) }
  })
  const most = (areas: readonly number[]) => Math.max(...actual.map((_, index) => excess(areas, index)))
  const chance = chanceOf(
    most(actual),
    shuffled.map(most),
    () => most(trial.areas(trial.shuffledNames())),
    shufflesMax,
  )
  return {
    target,
    pairs: pairs.length,
    things: left.length + (left === right ? 0 : right.length),
    scores,
    chance,
  }
}

/** The sum of ranks of each attack's first guess. */
function combined(linking: Linking, guesses: readonly Guess[]): Guess {
  const scores = new Float64Array(linking.left.length * linking.right.length)
  for (const [first] of Map.groupBy(guesses, ({ attack }) => attack).values()) {
    const ranks = midranks((first as Guess).scores)
    for (const [index, rank] of ranks.entries()) scores[index] = (scores[index] as number) + rank
  }
  return { attack: "all together", how: "sum of ranks", scores }
}

/** Goes on only as long as it is open how rare it is. */
function chanceOf(actual: number, first: readonly number[], next: () => number, max: number): number {
  let asGood = 0
  let tried = 0
  while (tried < max) {
    const value = first[tried] ?? next()
    tried += 1
    if (value >= actual) asGood += 1
    if (asGood === AS_GOOD_ENOUGH) return asGood / tried
  }
  return (asGood + 1) / (tried + 1)
}

class Trial {
  readonly guesses: readonly Guess[]
  readonly #linking: Linking
  readonly #symmetric: boolean
  readonly #ranks: readonly Float32Array[]
  readonly #count: number
  readonly #random = randomNumbers()

  constructor(linking: Linking, guesses: readonly Guess[]) {
    const { left, right } = linking
    this.guesses = guesses
    this.#linking = linking
    this.#symmetric = isOfOneKind(linking)
    this.#count = this.#symmetric ? (left.length * (left.length - 1)) / 2 : left.length * right.length
    this.#ranks = guesses.map(({ scores }) => this.#ranksOf(scores))
  }

  /** Of the right things: each is itself. */
  names(): Uint32Array {
    return Uint32Array.from(this.#linking.right.keys())
  }

  shuffledNames(): Uint32Array {
    const names = this.names()
    for (let at = names.length - 1; at > 0; at--) {
      const other = Math.floor(this.#random() * (at + 1))
      const name = names[at] as number
      names[at] = names[other] as number
      names[other] = name
    }
    return names
  }

  /** Of each guess, if the right things had these names. */
  areas(names: Uint32Array): number[] {
    const { pairs, right } = this.#linking
    const places = pairs.map(([one, other]) => {
      const row = this.#symmetric ? (names[one] as number) : one
      return row * right.length + (names[other] as number)
    })
    return this.#ranks.map((ranks) => {
      let sum = 0
      for (const place of places) sum += ranks[place] as number
      return areaUnderCurve(sum, pairs.length, this.#count)
    })
  }

  found(guess: number): number {
    const { left, pairs, right } = this.#linking
    const ranks = this.#ranks[guess] as Float32Array
    const together = new Set(pairs.map(([one, other]) => one * right.length + other))
    const places = [...ranks.keys()].filter((place) => {
      return !this.#symmetric || Math.floor(place / left.length) < place % left.length
    })
    return surelyFound(
      places.map((place) => ranks[place] as number),
      places.map((place) => together.has(place)),
    )
  }

  #ranksOf(scores: Float64Array): Float32Array {
    if (!this.#symmetric) return Float32Array.from(midranks(scores))
    const size = this.#linking.left.length
    const upper = Array.from({ length: this.#count }, () => 0)
    const places = upper.slice()
    let at = 0
    for (let row = 0; row < size; row++) {
      for (let column = row + 1; column < size; column++, at++) {
        places[at] = row * size + column
        upper[at] = scores[places[at] as number] as number
      }
    }
    const ranks = new Float32Array(size * size)
    for (const [index, rank] of midranks(upper).entries()) {
      const place = places[index] as number
      ranks[place] = rank
      ranks[(place % size) * size + Math.floor(place / size)] = rank
    }
    return ranks
  }
}

function deviationOf(values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + (value - 0.5) ** 2, 0)
  return Math.sqrt(sum / values.length)
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1] as number
}

/** From 0 to 1, the same ones every time, so that a report can be repeated. */
function randomNumbers(): () => number {
  let state = 1
  return () => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }
}
