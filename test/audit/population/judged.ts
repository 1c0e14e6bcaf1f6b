import { attackMoment, attackSeries } from "../../../src/audit/attacks/attacks.ts"
import type { Target } from "../../../src/audit/attacks/linking.ts"
import { type PageOrder, pageOrders } from "../../../src/audit/attacks/order.ts"
import { ownersOf } from "../../../src/audit/attacks/owners.ts"
import { readSnapshot, type Snapshot } from "../../../src/audit/evidence.ts"
import type { Judgement } from "../../../src/audit/relabelling.ts"
import type { Truth } from "../../../src/audit/truth.ts"
import { makePlan, type Scale } from "./plan.ts"
import { type Copy, type Moment, Story } from "./story.ts"

export const servers = ["real", "naive"] as const
type Server = (typeof servers)[number]

/** How well the attacks did on each server, at one moment or on a series of copies. */
export interface Judged {
  readonly name: string
  readonly real: readonly Judgement[]
  readonly naive: readonly Judgement[]
  /** Of the real server, at one moment: how much pages follow the order of registration. */
  readonly pages: readonly PageOrder[]
}

/** `chance` of a judgement may be as small as one of these. Where everything leaks, there is no need to know how rare that is. */
const SHUFFLES_MAX: Readonly<Record<Server, number>> = { real: 20_000, naive: 400 }

export interface JudgingOptions {
  /** Each is a series of so many of the watched copies, at even distances. */
  readonly series: readonly number[]
  /** Moments at which the naive server is attacked as well; all of them if there is no list. */
  readonly naive?: readonly string[]
  /** Sees every moment, the watched ones included. */
  readonly look?: (moment: Moment) => void
}

/** Lets a population live, and attacks the copies at each moment by themselves, and the watched ones as series. */
export async function* judgements(
  scale: Scale,
  { series, naive, look }: JudgingOptions,
): AsyncGenerator<Judged> {
  const watched: Moment[] = []
  for await (const moment of Story.of(makePlan(scale))) {
    look?.(moment)
    if (moment.watched) watched.push(moment)
    else yield judgeMoment(moment, naive?.includes(moment.name) ?? true)
    if (!moment.last) continue
    for (const count of series) yield judgeSeries(watched, count)
  }
}

function judgeMoment(moment: Moment, looksAtNaive: boolean): Judged {
  const judged = (server: Server) => {
    const { directory, truth } = moment[server]
    return attackMoment(readSnapshot(directory), truth, SHUFFLES_MAX[server])
  }
  const { directory, truth } = moment.real
  return {
    name: moment.name,
    real: judged("real"),
    naive: looksAtNaive ? judged("naive") : [],
    pages: pagesOf(readSnapshot(directory), truth),
  }
}

function pagesOf(snapshot: Snapshot, { pseudonyms }: Truth): PageOrder[] {
  return [0, 1].flatMap((side) => {
    const ids = pseudonyms.map((pair) => pair[side] as string)
    return pageOrders(ownersOf(snapshot, new Set(ids)), ids)
  })
}

function judgeSeries(watched: readonly Moment[], count: number): Judged {
  const step = watched.length / count
  const copies = Array.from({ length: count }, (_, index) => watched[Math.floor(index * step)] as Moment)
  const judged = (server: Server) => {
    const own = copies.map((copy) => copy[server])
    return attackSeries(snapshotsOf(own), allOf(own), SHUFFLES_MAX[server])
  }
  return { name: `${count} copies`, real: judged("real"), naive: judged("naive"), pages: [] }
}

function* snapshotsOf(copies: readonly Copy[]): Generator<Snapshot> {
  for (const { directory } of copies) yield readSnapshot(directory)
}

/** The last truth, with the entries of all copies, as far as their queues are still there. */
function allOf(copies: readonly Copy[]): Truth {
  const last = (copies.at(-1) as Copy).truth
  const queues = new Set(last.pseudonyms.map(([, queue]) => queue))
  const entries = new Map(copies.flatMap(({ truth }) => truth.entries))
  return { ...last, entries: [...entries].filter(([, queue]) => queues.has(queue)) }
}

/** Of one target. */
export function judgementOf(judgements: readonly Judgement[], target: Target): Judgement {
  const found = judgements.find((judgement) => judgement.target === target)
  if (found === undefined) throw new Error(`nothing to link: ${target}`)
  return found
}
