import { randomFrom } from "../client/trouble.ts"
import { talkingPoints } from "./points.ts"
import type { CrashPoint } from "./steps.ts"

/**
 * What happens in one run, and what goes wrong meanwhile: all of it follows from the seed. Whom and which group an
 * action means is a number below 1, a place in the list of those that come into question when it begins.
 */

export type Deed = "say" | "update" | "add" | "remove" | "roles" | "leave" | "resync" | "create" | "delete"

export interface Action {
  readonly deed: Deed
  readonly group: number
  readonly whom: number
}

/** What one person does next: actions at the same time, or ends and begins again, or prepares to die. */
export type Turn =
  | { readonly kind: "act"; readonly actions: readonly Action[] }
  | { readonly kind: "restart" }
  /** At its so many-th write from now: before or after it is durable. */
  | { readonly kind: "crash"; readonly writes: number; readonly afterwards: boolean }

export interface Round {
  /** Of each person; all persons act at once. */
  readonly turns: readonly (readonly Turn[])[]
  /** Where the server dies, and after how many turns of all persons. */
  readonly deaths: readonly { readonly turn: number; readonly point: CrashPoint }[]
}

/** One person's network: the share of requests that are lost, and after how many frames at most a stream breaks. */
export interface Network {
  readonly seed: number
  readonly loss: number
  readonly frames: number
}

export interface Schedule {
  readonly networks: readonly Network[]
  /** The first so many know everybody, and each has a group at the beginning, with these. */
  readonly hosts: readonly { readonly guests: readonly number[] }[]
  readonly rounds: readonly Round[]
}

const PEOPLE = { min: 8, max: 10 }
const HOSTS = 3
const ROUNDS = 3
const TURNS = 4
const DEATHS_PER_ROUND = 3

const weights: readonly (readonly [weight: number, deed: Deed])[] = [
  [36, "say"],
  [14, "update"],
  [16, "add"],
  [10, "remove"],
  [6, "roles"],
  [5, "leave"],
  [5, "resync"],
  [5, "create"],
  [3, "delete"],
]

export function scheduleOf(seed: number): Schedule {
  const random = randomFrom(seed)
  const below = (bound: number) => Math.floor(random() * bound)
  const some = <T>(count: number, make: (index: number) => T) =>
    Array.from({ length: count }, (_, i) => make(i))
  const people = PEOPLE.min + below(PEOPLE.max - PEOPLE.min + 1)

  const deed = (): Deed => {
    let left = random() * weights.reduce((sum, [weight]) => sum + weight, 0)
    const chosen = weights.find(([weight]) => {
      left -= weight
      return left < 0
    })
    return chosen?.[1] ?? "say"
  }
  const action = (): Action => ({ deed: deed(), group: random(), whom: random() })
  const turn = (): Turn => {
    const luck = random()
    if (luck < 0.06) return { kind: "restart" }
    if (luck < 0.2) return { kind: "crash", writes: 1 + below(12), afterwards: random() < 0.5 }
    return { kind: "act", actions: some(random() < 0.3 ? 2 : 1, action) }
  }
  const point = (): CrashPoint => {
    const { step, when } = talkingPoints[below(talkingPoints.length)] as Omit<CrashPoint, "skip">
    return { step, when, skip: below(3) }
  }
  const round = (): Round => ({
    turns: some(people, () => some(TURNS, turn)),
    deaths: some(DEATHS_PER_ROUND, () => ({ turn: below(people * TURNS), point: point() })),
  })
  return {
    networks: some(people, () => ({
      seed: below(2 ** 31),
      loss: [0, 0.03, 0.1][below(3)] as number,
      frames: [8, 40, Number.POSITIVE_INFINITY][below(3)] as number,
    })),
    hosts: some(HOSTS, (host) => ({
      guests: some(people, (guest) => guest).filter((guest) => guest !== host && random() < 0.6),
    })),
    rounds: some(ROUNDS, round),
  }
}
