import type { Judgement } from "../src/audit/relabelling.ts"
import { type Judged, judgements, servers } from "../test/audit/population/judged.ts"
import type { Scale } from "../test/audit/population/plan.ts"

/**
 * `bun bench/linking.ts` lets two populations live at a real server and at a naive one, and prints how well the linking attacks
 * do: on single copies of the data of a large population, and on up to 120 copies of a smaller one. With `large` or
 * `watched` it is one of them.
 */

const LARGE: Scale = {
  seed: 1,
  people: 300,
  groups: 100,
  friendships: 250,
  messages: 1500,
  days: 3,
  copies: 0,
}
const WATCHED: Scale = {
  seed: 2,
  people: 80,
  groups: 20,
  friendships: 70,
  messages: 900,
  days: 4,
  copies: 120,
}
const SERIES = [6, 24, 120]
/** Moments at which the naive server shows that the attacks work. */
const LEAKING = ["registered", "queued", "killed under load"]

function print({ name, pages, ...judged }: Judged): void {
  for (const { place, correlation } of pages) {
    const { value, low, high } = correlation
    if (low > 0)
      console.log(
        `${name}: pages of ${place} follow registration: ${value.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`,
      )
  }
  for (const server of servers) for (const judgement of judged[server]) printOne(server, name, judgement)
}

function printOne(server: string, moment: string, judgement: Judgement): void {
  const { target, things, pairs, scores, chance } = judgement
  console.log(
    `\n${server}, ${moment}: ${target} (${things} things, ${pairs} pairs), by chance ${chance.toPrecision(1)}`,
  )
  for (const { attack, how, area, found } of scores) {
    const interval = `${area.value.toFixed(3)} [${area.low.toFixed(3)}, ${area.high.toFixed(3)}]`
    const sure = `${(100 * found).toFixed(1)} % found`
    console.log(`  ${attack.padEnd(13)} ${interval}  ${sure}${area.low > 0.5 ? `, ${how}` : ""}`)
  }
}

const which = process.argv[2]
if (which !== "watched")
  for await (const judged of judgements(LARGE, { series: [], naive: LEAKING })) print(judged)
if (which !== "large")
  for await (const judged of judgements(WATCHED, { series: SERIES, naive: [] })) print(judged)
