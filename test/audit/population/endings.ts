import { type Random, randomFrom } from "../../e2e/random.ts"

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** Shares of the people who delete their accounts, and are away for days; of the groups that are deleted. */
const DEPARTING = 1 / 12
const AWAY = 1 / 10
const ENDING = 1 / 12
/** So that everybody else's life is the same with and without. */
const SEED_OFFSET = 7919

/** What ends, and who is away, from a seed of its own. Times are in milliseconds since the beginning. */
export interface Endings {
  /** When people delete their accounts. */
  readonly departures: ReadonlyMap<number, number>
  /** When groups are deleted. */
  readonly ends: ReadonlyMap<number, number>
  /** When the server is killed, and started again. */
  readonly crashes: readonly number[]
  /** Whether somebody is away on a day. */
  isAway(person: number, day: number): boolean
}

/** `groups`: how many there are. */
export function makeEndings(seed: number, people: number, groups: number, days: number): Endings {
  const random = randomFrom(seed + SEED_OFFSET)
  const moment = () => DAY * (1 + random() * (days - 1.5))
  const some = (count: number, share: number) => Array.from({ length: count }, () => random() < share)
  const moments = (count: number, share: number) =>
    new Map(some(count, share).flatMap((is, index): [number, number][] => (is ? [[index, moment()]] : [])))
  const absences = some(people, AWAY).map((is) => (is ? absence(random, days) : undefined))
  return {
    departures: moments(people, DEPARTING),
    ends: moments(groups, ENDING),
    crashes: Array.from({ length: days - 1 }, (_, day) => (day + 1) * DAY + (8 + random() * 4) * HOUR),
    isAway(person, day) {
      const [first, last] = absences[person] ?? [0, -1]
      return first <= day && day <= last
    },
  }
}

/** The first and the last of one to three days. */
function absence(random: Random, days: number): [number, number] {
  const first = 1 + Math.floor(random() * (days - 1))
  return [first, first + Math.floor(random() * 3)]
}
