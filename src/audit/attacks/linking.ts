import type { Pair, Truth } from "../truth.ts"

/** What the adversary would like to link. */
export const TARGETS = [
  "queues of a group",
  "users and pseudonyms",
  "aliases and users",
  "entries and queues",
] as const
export type Target = (typeof TARGETS)[number]

/** Two lists of things, by their ids in hexadecimal, and which of them belong together. */
export interface Linking {
  readonly target: Target
  readonly left: readonly string[]
  /** The same list, if things of one kind are linked with each other. */
  readonly right: readonly string[]
  /** By their places in the lists; of things of one kind each pair once. */
  readonly pairs: readonly (readonly [number, number])[]
}

/** One answer of an attack: the higher the score, the more likely two things belong together. */
export interface Guess {
  readonly attack: string
  /** What the score is made of. */
  readonly how: string
  /** Left things times right things, row by row; of things of one kind it is symmetric. */
  readonly scores: Float64Array
}

/** Entries that are asked about; more of them tell nothing more. */
const ENTRIES_MAX = 400

/** The linkings that a truth knows, among the things for which `isThere` holds. Those in which there is nothing to find are left out. */
export function linkingsOf(truth: Truth, isThere: (id: string) => boolean): Linking[] {
  const users = truth.pseudonyms.map(([user]) => user).filter(isThere)
  const queues = truth.pseudonyms.map(([, queue]) => queue).filter(isThere)
  const entries = some(truth.entries.filter(([tag]) => isThere(tag)))
  return [
    within("queues of a group", queues, truth.groups),
    between("users and pseudonyms", users, queues, truth.pseudonyms),
    between("aliases and users", truth.aliases.map(([alias]) => alias).filter(isThere), users, truth.aliases),
    between(
      "entries and queues",
      entries.map(([tag]) => tag),
      queues,
      entries,
    ),
  ].filter(({ left, right, pairs }) => pairs.length > 0 && left.length > 1 && right.length > 2)
}

export function isOfOneKind({ left, right }: Linking): boolean {
  return left === right
}

/** An even selection. Tags look random, so their order means nothing. */
function some(entries: readonly Pair[]): Pair[] {
  const sorted = entries.toSorted(([a], [b]) => (a < b ? -1 : 1))
  const step = Math.max(1, sorted.length / ENTRIES_MAX)
  return Array.from({ length: Math.min(sorted.length, ENTRIES_MAX) }, (_, index) => {
    return sorted[Math.floor(index * step)] as Pair
  })
}

function within(target: Target, things: readonly string[], sets: readonly (readonly string[])[]): Linking {
  const places = placesOf(things)
  const pairs = new Map<string, readonly [number, number]>()
  for (const set of sets) {
    const members = set.flatMap((id) => places.get(id) ?? []).sort((a, b) => a - b)
    for (const [index, one] of members.entries()) {
      for (const other of members.slice(index + 1)) pairs.set(`${one} ${other}`, [one, other])
    }
  }
  return { target, left: things, right: things, pairs: [...pairs.values()] }
}

function between(
  target: Target,
  left: readonly string[],
  right: readonly string[],
  known: readonly Pair[],
): Linking {
  const [lefts, rights] = [placesOf(left), placesOf(right)]
  const pairs = known.flatMap(([one, other]): (readonly [number, number])[] => {
    const [l, r] = [lefts.get(one), rights.get(other)]
    return l === undefined || r === undefined ? [] : [[l, r]]
  })
  return { target, left, right, pairs }
}

function placesOf(things: readonly string[]): Map<string, number> {
  return new Map(things.map((thing, place) => [thing, place]))
}

/** Scores of all pairs. */
export function scoresOf(linking: Linking, score: (left: number, right: number) => number): Float64Array {
  const { left, right } = linking
  const scores = new Float64Array(left.length * right.length)
  const symmetric = isOfOneKind(linking)
  for (let l = 0; l < left.length; l++) {
    for (let r = symmetric ? l + 1 : 0; r < right.length; r++) {
      const value = score(l, r)
      scores[l * right.length + r] = value
      if (symmetric) scores[r * right.length + l] = value
    }
  }
  return scores
}
