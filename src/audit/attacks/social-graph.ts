import type { Snapshot } from "../evidence.ts"
import type { Truth } from "../truth.ts"
import { guessesOf } from "./attacks.ts"
import type { Guess, Linking } from "./linking.ts"

/** Two people, by their places. */
export type Edge = readonly [number, number]

/** Who is in a group with whom: as it is, and as the adversary would draw it. */
export interface SocialGraph {
  readonly people: number
  readonly truth: readonly Edge[]
  /** As many as there are; those that look most like it. */
  readonly guessed: readonly Edge[]
}

/** More than these cannot be seen in a picture. */
const PEOPLE_MAX = 60

/** Drawn after the guess that does best, whichever that is: the adversary does not know it. Undefined: there is no pair to find. */
export function socialGraph(snapshots: readonly Snapshot[], truth: Truth): SocialGraph | undefined {
  const found = guessesOf(snapshots, { ...truth, pseudonyms: pictured(truth) }, "queues of a group")
  if (found === undefined) return undefined
  const { linking, guesses } = found
  const drawn = guesses.map((guess) => likeliest(linking, guess))
  const isTrue = new Set(linking.pairs.map(String))
  const hits = (edges: readonly Edge[]) => edges.filter((edge) => isTrue.has(String(edge))).length
  const best = drawn.reduce((one, other) => (hits(other) > hits(one) ? other : one))
  return { people: linking.left.length, truth: linking.pairs, guessed: best }
}

/** People who are in groups come first. */
function pictured({ groups, pseudonyms }: Truth): Truth["pseudonyms"] {
  const grouped = new Set(groups.flat())
  const [inside, outside] = [true, false].map((is) =>
    pseudonyms.filter(([, queue]) => grouped.has(queue) === is),
  )
  return [...(inside ?? []), ...(outside ?? [])].slice(0, PEOPLE_MAX)
}

function likeliest({ left, pairs }: Linking, { scores }: Guess): Edge[] {
  const edges = left.flatMap((_, one) =>
    left.slice(one + 1).map((_, offset): Edge => [one, one + 1 + offset]),
  )
  const scoreOf = ([one, other]: Edge) => scores[one * left.length + other] as number
  return edges
    .map((edge) => ({ edge, score: scoreOf(edge), lot: lotOf(left, edge) }))
    .sort((a, b) => b.score - a.score || a.lot - b.lot)
    .slice(0, pairs.length)
    .map(({ edge }) => edge)
}

/** Pairs that look equally likely come in an order that means nothing, and is the same every time: ids are random. */
function lotOf(ids: readonly string[], [one, other]: Edge): number {
  const [a, b] = [one, other].map((place) => Number.parseInt((ids[place] as string).slice(-8), 16))
  return Math.imul((a as number) ^ ((b as number) >>> 3), 0x9e3779b1) >>> 0
}
