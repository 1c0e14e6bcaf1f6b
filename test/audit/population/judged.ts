import { attackMoment, attackSeries } from "../../../src/audit/attacks/attacks.ts"
import type { Target } from "../../../src/audit/attacks/linking.ts"
import { type PageOrder, pageOrders } from "../../../src/audit/attacks/order.ts"
import { ownersOf } from "../../../src/audit/attacks/owners.ts"
import { readSnapshot, type Snapshot } from "../../../src/audit/evidence.ts"
import { namedAs, QUEUE_ROWS, type QueueRows } from "../../../src/audit/names.ts"
import type { Judgement } from "../../../src/audit/relabelling.ts"
import type { Truth } from "../../../src/audit/truth.ts"
import { nativeCrypto as crypto } from "../../../src/crypto/native.ts"
import { makePlan, type Scale } from "./plan.ts"
import { type Copy, type Moment, Story } from "./story.ts"

export const servers = ["real", "naive"] as const
type Server = (typeof servers)[number]

/** How well the attacks did on each server, at one moment or on a series of copies. */
export interface Judged {
  readonly name: string
  readonly real: readonly Judgement[]
  /** Of the real server, at one moment: users and pseudonyms by other rows of these than their queues'. */
  readonly byOtherRows: readonly Judgement[]
  readonly naive: readonly Judgement[]
  /** Of the real server, at one moment: how much pages follow the order of registration. */
  readonly pages: readonly PageOrder[]
}

const OTHER_ROWS = QUEUE_ROWS.slice(1)
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
  const judged = (server: Server, rows?: QueueRows, targets?: readonly Target[]) => {
    const snapshot = readSnapshot(moment[server].directory)
    return attackMoment(snapshot, truthIn(snapshot, moment[server], rows), SHUFFLES_MAX[server], targets)
  }
  return {
    name: moment.name,
    real: judged("real"),
    byOtherRows: OTHER_ROWS.flatMap((rows) => judged("real", rows, ["users and pseudonyms"])),
    naive: looksAtNaive ? judged("naive") : [],
    pages: pagesOf(moment.real),
  }
}

/** The truth in the names of a snapshot. */
function truthIn(snapshot: Snapshot, { truth, secrets }: Copy, rows?: QueueRows): Truth {
  return secrets === undefined ? truth : namedAs(crypto, truth, snapshot, secrets, rows)
}

function pagesOf(copy: Copy): PageOrder[] {
  const snapshot = readSnapshot(copy.directory)
  const users = copy.truth.pseudonyms.map(([user]) => user)
  const names = QUEUE_ROWS.map((rows) => truthIn(snapshot, copy, rows).pseudonyms.map(([, name]) => name))
  return [users, ...names].flatMap((ids) => pageOrders(ownersOf(snapshot, new Set(ids)), ids))
}

function judgeSeries(watched: readonly Moment[], count: number): Judged {
  const step = watched.length / count
  const copies = Array.from({ length: count }, (_, index) => watched[Math.floor(index * step)] as Moment)
  const judged = (server: Server) => {
    const own = copies.map((copy) => copy[server])
    const { directory, ...last } = own.at(-1) as Copy
    const truth = truthIn(readSnapshot(directory), { ...last, directory, truth: allOf(own) })
    return attackSeries(snapshotsOf(own), truth, SHUFFLES_MAX[server])
  }
  const both = { real: judged("real"), naive: judged("naive") }
  return { name: `${count} copies`, ...both, byOtherRows: [], pages: [] }
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
