import { type Random, randomFrom } from "../../e2e/random.ts"
import { type Endings, makeEndings } from "./endings.ts"

/** Who there is, who talks with whom, and what happens when: all of it from a seed. */

export interface Scale {
  readonly seed: number
  readonly people: number
  /** Beside the pairs of friends, which are groups of two. */
  readonly groups: number
  readonly friendships: number
  readonly messages: number
  /** The first one is for registrations and for making groups. */
  readonly days: number
  /** Of the data, at equal distances over all days. */
  readonly copies: number
}

/** What somebody does alone. */
export interface PersonalOccurrence {
  readonly at: number
  readonly kind:
    | "register"
    | "open-queue"
    | "register-alias"
    | "delete-alias"
    | "online"
    | "offline"
    | "delete-account"
  readonly person: number
}

export type Occurrence =
  | PersonalOccurrence
  | ({ readonly at: number } & (
      | { readonly kind: "ask"; readonly person: number; readonly whom: number; readonly byAlias: boolean }
      | { readonly kind: "gather"; readonly group: number }
      | { readonly kind: "say"; readonly group: number; readonly member: number; readonly bytes: number }
      | { readonly kind: "update"; readonly group: number; readonly member: number }
      | { readonly kind: "delete-group"; readonly group: number }
      | { readonly kind: "restart" }
      | { readonly kind: "crash" }
      | { readonly kind: "copy"; readonly name: string }
    ))

export interface Plan {
  readonly people: number
  /** Members of each group, the creator first. */
  readonly groups: readonly (readonly number[])[]
  /** In order; times are in milliseconds since the beginning. */
  readonly occurrences: readonly Occurrence[]
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** What names of copies at even distances begin with. */
export const WATCHED = "copy"

const MEMBERS_MAX = 60
/** People who live near each other, and meet in most groups. */
const NEIGHBOURHOOD = 12
const ALIAS_SHARE = 0.3
/** Mean of what the client library waits between AS and QS. */
const SPREAD = 300

export function makePlan(scale: Scale): Plan {
  return new Planner(scale).plan()
}

interface Session {
  readonly begin: number
  readonly end: number
}

class Planner {
  readonly #scale: Scale
  readonly #random: Random
  readonly #occurrences: Occurrence[] = []
  readonly #sessions: Session[][]
  readonly #groups: number[][] = []
  readonly #endings: Endings

  constructor(scale: Scale) {
    this.#scale = scale
    this.#random = randomFrom(scale.seed)
    this.#sessions = Array.from({ length: scale.people }, () => [])
    const { seed, people, groups, friendships, days } = scale
    this.#endings = makeEndings(seed, people, groups + friendships, days)
  }

  plan(): Plan {
    const { people, copies, days } = this.#scale
    for (let person = 0; person < people; person++) this.#register(person)
    this.#gatherAll()
    for (let day = 1; day < days; day++) {
      this.#occurrences.push({ at: day * DAY + 4 * HOUR, kind: "restart" })
      for (let person = 0; person < people; person++) this.#live(person, day)
    }
    this.#converse()
    this.#end()
    for (let copy = 1; copy <= copies; copy++) {
      this.#occurrences.push({
        at: (copy * days * DAY) / (copies + 1),
        kind: "copy",
        name: `${WATCHED} ${copy}`,
      })
    }
    this.#occurrences.push({ at: 11 * HOUR, kind: "copy", name: "registered" })
    this.#occurrences.push({ at: (days - 1) * DAY + 15 * HOUR, kind: "copy", name: "queued" })
    for (const [person, sessions] of this.#sessions.entries()) {
      for (const { begin, end } of sessions) {
        this.#occurrences.push({ at: begin, kind: "online", person }, { at: end, kind: "offline", person })
      }
    }
    const occurrences = this.#occurrences
      .filter((occurrence) => occurrence.at < days * DAY && !this.#isOver(occurrence))
      .sort((a, b) => a.at - b.at)
    return { people, groups: this.#groups, occurrences }
  }

  #end(): void {
    const { departures, ends, crashes } = this.#endings
    for (const [person, at] of departures) this.#occurrences.push({ at, kind: "delete-account", person })
    for (const [group, at] of ends) this.#occurrences.push({ at, kind: "delete-group", group })
    for (const at of crashes) this.#occurrences.push({ at, kind: "crash" })
  }

  /** Whether it is something of somebody, or some group, that is not there any more. */
  #isOver(occurrence: Occurrence): boolean {
    const { departures, ends } = this.#endings
    if ("person" in occurrence) return occurrence.at > (departures.get(occurrence.person) ?? Infinity)
    return "group" in occurrence && occurrence.at > (ends.get(occurrence.group) ?? Infinity)
  }

  #register(person: number): void {
    const at = this.#random() * 10 * HOUR
    this.#occurrences.push({ at, kind: "register", person })
    this.#occurrences.push({ at: at + this.#exponential(SPREAD), kind: "open-queue", person })
    if (this.#random() > ALIAS_SHARE) return
    const registered = at + MINUTE + this.#exponential(10 * MINUTE)
    this.#occurrences.push({ at: registered, kind: "register-alias", person })
    if (this.#random() < 0.1) {
      this.#occurrences.push({ at: registered + DAY * (1 + this.#random()), kind: "delete-alias", person })
    }
  }

  #gatherAll(): void {
    const { friendships, groups } = this.#scale
    for (let i = 0; i < friendships; i++) {
      const [person, whom] = this.#circle(2) as [number, number]
      const at = 12 * HOUR + this.#random() * 10 * HOUR
      this.#occurrences.push({ at, kind: "ask", person, whom, byAlias: this.#random() < 0.3 })
      this.#occurrences.push({ at: at + this.#exponential(HOUR), kind: "gather", group: this.#groups.length })
      this.#groups.push([person, whom])
    }
    for (let i = 0; i < groups; i++) {
      const at = 13 * HOUR + this.#random() * 9 * HOUR
      this.#occurrences.push({ at, kind: "gather", group: this.#groups.length })
      this.#groups.push(this.#circle(this.#size()))
    }
  }

  /** Heavy-tailed: half of the groups have up to five members, one in thirty has forty or more. */
  #size(): number {
    const size = Math.floor(3 * (1 - this.#random()) ** (-1 / 1.3))
    return Math.min(size, MEMBERS_MAX, Math.floor(this.#scale.people / 4))
  }

  /** People who mostly live near the first of them. */
  #circle(size: number): number[] {
    const { people } = this.#scale
    const members = new Set([Math.floor(this.#random() * people)])
    const [first] = members as Iterable<number> as [number]
    const reach = Math.max(NEIGHBOURHOOD, size)
    while (members.size < size) {
      const near = Math.floor(first + (this.#random() - 0.5) * 2 * reach + people) % people
      members.add(this.#random() < 0.8 ? near : Math.floor(this.#random() * people))
    }
    return [...members]
  }

  /** When somebody reads, on one day. */
  #live(person: number, day: number): void {
    if (this.#random() < 0.15 || this.#endings.isAway(person, day)) return
    const visits = 2 + Math.floor(this.#random() * 6)
    for (let i = 0; i < visits; i++) {
      this.#visit(person, day * DAY + (7 + this.#random() * 16) * HOUR, 10 * MINUTE)
    }
  }

  #visit(person: number, begin: number, mean: number): void {
    const end = begin + MINUTE + this.#exponential(mean)
    const sessions = this.#sessions[person] as Session[]
    if (!sessions.some((other) => begin <= other.end && end >= other.begin)) sessions.push({ begin, end })
  }

  #converse(): void {
    const { messages, days } = this.#scale
    const weights = this.#groups.map(() => Math.exp(this.#normal() * 1.2))
    for (let said = 0; said < messages; ) {
      const group = this.#weighted(weights)
      let at = DAY + this.#random() * (days - 1) * DAY
      if ((at % DAY) / HOUR < 6.5) continue
      const exchange = 1 + Math.floor(this.#exponential(4))
      for (let i = 0; i < exchange && said < messages; i++, said++) {
        this.#say(group, at)
        at += this.#exponential(MINUTE)
      }
    }
  }

  /** Whoever is online says something; if nobody is, somebody comes. */
  #say(group: number, at: number): void {
    const members = this.#groups[group] as number[]
    const there = [...members.keys()].filter((member) => this.#isThere(members[member] as number, at))
    const online = there.filter((member) => {
      const sessions = this.#sessions[members[member] as number] as Session[]
      return sessions.some(({ begin, end }) => begin < at && at < end)
    })
    const from = online.length > 0 ? online : there
    if (from.length === 0) return
    const member = from[Math.floor(this.#random() * from.length)] as number
    if (online.length === 0) this.#visit(members[member] as number, at - 1, 3 * MINUTE)
    if (this.#random() < 0.03) this.#occurrences.push({ at, kind: "update", group, member })
    else this.#occurrences.push({ at, kind: "say", group, member, bytes: this.#length() })
  }

  #isThere(person: number, at: number): boolean {
    const { departures, isAway } = this.#endings
    return at < (departures.get(person) ?? Infinity) && !isAway(person, Math.floor(at / DAY))
  }

  /** Bytes of an encrypted message: most are a line or two, a few are long. */
  #length(): number {
    return Math.min(20_000, Math.floor(250 + 60 * Math.exp(this.#normal() * 1.3)))
  }

  #weighted(weights: readonly number[]): number {
    let left = this.#random() * weights.reduce((sum, weight) => sum + weight, 0)
    return Math.max(
      0,
      weights.findIndex((weight) => {
        left -= weight
        return left < 0
      }),
    )
  }

  #exponential(mean: number): number {
    return -Math.log(1 - this.#random()) * mean
  }

  #normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random())
  }
}
