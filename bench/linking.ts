import { attackMoment, attackSeries } from "../src/audit/attacks/attacks.ts"
import { readSnapshot, type Snapshot } from "../src/audit/evidence.ts"
import type { Judgement } from "../src/audit/relabelling.ts"
import type { Truth } from "../src/audit/truth.ts"
import { makePlan, type Scale } from "../test/audit/population/plan.ts"
import { type Copy, type Moment, Story } from "../test/audit/population/story.ts"

/**
 * `bun bench/linking.ts` lets two populations live at a real server and at a naive one, and prints how well the linking attacks
 * do: on single copies of the data of a large population, and on 120 copies of a smaller one.
 */

const LARGE: Scale = {
  seed: 1,
  people: 300,
  groups: 110,
  friendships: 260,
  messages: 2500,
  days: 3,
  copies: 0,
}
const WATCHED: Scale = {
  seed: 2,
  people: 80,
  groups: 24,
  friendships: 90,
  messages: 1200,
  days: 4,
  copies: 120,
}
/** Parts of the series that are looked at as well. */
const FEWER = [6, 24]
const SHUFFLES_MAX = 20_000

const servers = ["real", "naive"] as const

function print(server: string, moment: string, judgements: readonly Judgement[]): void {
  for (const { target, things, pairs, scores, chance } of judgements) {
    const head = [
      server,
      moment,
      target,
      `${things} things, ${pairs} pairs`,
      `chance ${chance.toExponential(1)}`,
    ]
    console.log(`\n${head.join(" | ")}`)
    for (const { attack, how, area } of scores) {
      const interval = `${area.value.toFixed(3)} [${area.low.toFixed(3)}, ${area.high.toFixed(3)}]`
      console.log(`  ${attack.padEnd(13)} ${interval}${area.low > 0.5 ? `  ${how}` : ""}`)
    }
  }
}

async function attackLarge(): Promise<void> {
  for await (const moment of Story.of(makePlan(LARGE))) {
    for (const server of servers) {
      const { directory, truth } = moment[server]
      print(server, moment.name, attackMoment(readSnapshot(directory), truth, SHUFFLES_MAX))
    }
  }
}

async function attackWatched(): Promise<void> {
  const moments: Moment[] = []
  for await (const moment of Story.of(makePlan(WATCHED))) {
    if (moment.name.startsWith("copy")) moments.push(moment)
    if (moment.name !== "stopped") continue
    for (const server of servers) {
      for (const count of [...FEWER, moments.length]) {
        const step = moments.length / count
        const copies = Array.from(
          { length: count },
          (_, index) => moments[Math.floor(index * step)] as Moment,
        )
        const series = copies.map((copy) => copy[server])
        print(server, `${count} copies`, attackSeries(snapshotsOf(series), allOf(series), SHUFFLES_MAX))
      }
    }
  }
}

function* snapshotsOf(copies: readonly Copy[]): Generator<Snapshot> {
  for (const { directory } of copies) yield readSnapshot(directory)
}

/** The last truth, with the entries of all. */
function allOf(copies: readonly Copy[]): Truth {
  const entries = new Map(copies.flatMap(({ truth }) => truth.entries))
  return { ...(copies.at(-1) as Copy).truth, entries: [...entries] }
}

const which = process.argv[2]
if (which !== "watched") await attackLarge()
if (which !== "large") await attackWatched()
