import { beforeAll, describe, expect, test } from "bun:test"
import type { Target } from "../../src/audit/attacks/linking.ts"
import { knownThings } from "../../src/audit/checks/known.ts"
import { readSnapshot } from "../../src/audit/evidence.ts"
import { QUEUE_ROWS } from "../../src/audit/names.ts"
import type { Judgement, Score } from "../../src/audit/relabelling.ts"
import { type Judged, judgementOf, judgements, servers } from "./population/judged.ts"
import type { Scale } from "./population/plan.ts"
import type { Copy, Moment } from "./population/story.ts"

/**
 * Sixty people for two days, at a real server and at a naive one; bench/linking.ts asks more of them for longer. What an attack
 * gets that knows nothing is decided by `chance`: with a bound of its own for each question, one run in several hundred fails
 * without a reason.
 */
const SCALE: Scale = { seed: 1, people: 60, groups: 14, friendships: 40, messages: 240, days: 2, copies: 30 }
const CHANCE_MIN = 1e-4

const GROUP = "queues of a group"
const PSEUDONYM = "users and pseudonyms"
const ALIAS = "aliases and users"
const ENTRY = "entries and queues"

const SERIES = `${SCALE.copies} copies`

const all = new Map<string, Judged>()

/** How much is found of what is gone, and of what is there. */
interface Remains {
  readonly gone: number
  readonly real: number
  readonly naive: number
  readonly there: number
  readonly found: number
}

const remains: Remains[] = []
/** What was gone at the moment before: what was deleted just now may still be in a log that is not scrubbed yet. */
let before: readonly Uint8Array[] = []

function look({ real, naive, gone, there }: Moment): void {
  const finds = (known: readonly Uint8Array[], { directory }: Copy) =>
    knownThings(known).run([readSnapshot(directory)]).measure.value
  const sample = there.filter((_, index) => index % 8 === 0)
  remains.push({
    ...{ gone: before.length, real: finds(before, real), naive: finds(before, naive) },
    ...{ there: sample.length, found: finds(sample, real) },
  })
  before = gone
}

beforeAll(async () => {
  const options = { series: [SCALE.copies], naive: ["registered", "queued", "killed under load"], look }
  for await (const judged of judgements(SCALE, options)) all.set(judged.name, judged)
}, 600_000)

function at(moment: string): Judged {
  const judged = all.get(moment)
  if (judged === undefined) throw new Error(`there was no such moment: ${moment}`)
  return judged
}

const real = (moment: string, target: Target): Judgement => judgementOf(at(moment).real, target)

/** What the attack came to. */
function scoreOf(judgement: Judgement, attack: string): Score {
  const score = judgement.scores.find((one) => one.attack === attack)
  if (score === undefined) throw new Error(`no such attack: ${attack}`)
  return score
}

describe("every attack finds what there is to find at a naive server", () => {
  test.each<[Target, string, string, number]>([
    [GROUP, "log", "queued", 0.6],
    [GROUP, "order", "queued", 0.55],
    [GROUP, "times", "queued", 0.52],
    [GROUP, "lengths", "killed under load", 0.7],
    [GROUP, "bytes", "killed under load", 0.8],
    [GROUP, "changes", SERIES, 0.65],
    [GROUP, "growth", SERIES, 0.65],
    [PSEUDONYM, "log", "registered", 0.9],
    [PSEUDONYM, "order", "registered", 0.85],
    [PSEUDONYM, "times", "registered", 0.85],
    [PSEUDONYM, "lengths", "registered", 0.9],
    [PSEUDONYM, "bytes", "registered", 0.85],
    [PSEUDONYM, "changes", SERIES, 0.75],
    [ALIAS, "log", "registered", 0.85],
    [ALIAS, "order", "registered", 0.6],
    [ALIAS, "times", "registered", 0.75],
    [ALIAS, "lengths", "registered", 0.85],
    [ALIAS, "bytes", "registered", 0.85],
    [ALIAS, "changes", SERIES, 0.65],
    [ENTRY, "log", "killed under load", 0.7],
    [ENTRY, "order", "queued", 0.55],
    [ENTRY, "times", "queued", 0.6],
    [ENTRY, "bytes", "killed under load", 0.85],
    [ENTRY, "changes", SERIES, 0.75],
    [ENTRY, "growth", SERIES, 0.6],
  ])("%s by %s (%s): the interval is above %d", (target, attack, moment, low) => {
    expect(scoreOf(judgementOf(at(moment).naive, target), attack).area.low).toBeGreaterThan(low)
  })
})

describe("no attack on one copy of the real server's data does better than chance", () => {
  test.each<[string, readonly Target[]]>([
    ["registered", [PSEUDONYM, ALIAS]],
    ["queued", [GROUP, PSEUDONYM, ALIAS, ENTRY]],
    ["killed in quiet", [GROUP, PSEUDONYM, ALIAS, ENTRY]],
    ["killed under load", [PSEUDONYM, ALIAS]],
    ["started again", [GROUP, PSEUDONYM, ALIAS, ENTRY]],
    ["all is read", [GROUP, PSEUDONYM, ALIAS]],
    ["stopped", [GROUP, PSEUDONYM, ALIAS]],
  ])("%s", (moment, targets) => {
    for (const target of targets) expect(real(moment, target).chance).toBeGreaterThan(CHANCE_MIN)
  })
})

/** What is known to leak. What it comes to is left to how many messages a transaction holds when the server dies. */
describe("what a copy of the real server's log tells until it is scrubbed", () => {
  test.each<Target>([GROUP, ENTRY])(
    "is less than transactions of one message each would tell, under load: %s",
    (target) => {
      const [leak, naive] = servers.map((server) => {
        return scoreOf(judgementOf(at("killed under load")[server], target), "log").area.value
      })
      expect(leak).toBeLessThan(naive as number)
    },
  )
})

test("by none of the rows that a pseudonym has it is told whose it is, not by one copy", () => {
  for (const moment of ["registered", "queued", "stopped"]) {
    const judgements = at(moment).byOtherRows
    expect(judgements).toHaveLength(QUEUE_ROWS.length - 1)
    for (const { chance } of judgements) expect(chance).toBeGreaterThan(CHANCE_MIN)
  }
})

describe("what the pages of one copy tell", () => {
  test("profiles follow the order of registration, because each takes a page (rank correlation up to 0.7)", () => {
    const found = at("registered").pages.find(({ place }) => place === "as.sqlite: as_profile")
    expect(found?.correlation.value).toBeWithin(-0.3, 0.7)
  })

  test("other tables follow it hardly, of users and of pseudonyms", () => {
    const others = at("registered").pages.filter(({ place }) => !place.endsWith("as_profile"))
    expect(others.map(({ place }) => place.slice(place.indexOf(" ") + 1)).sort()).toEqual(
      ["as_client", "as_connection_package", "as_user", ...QUEUE_ROWS].sort(),
    )
    for (const { correlation } of others) expect(correlation.value).toBeWithin(-0.65, 0.65)
  })
})

/** What is left: an entry belongs to somebody who was there before it, and groups are of people who were. */
test(`${SCALE.copies} copies of the real server's data do not tell whose queue changed: all are sealed anew in between`, () => {
  for (const target of [GROUP, ENTRY] as const) {
    for (const attack of ["changes", "growth"]) {
      const { value } = scoreOf(real(SERIES, target), attack).area
      expect([attack, value < 0.64]).toEqual([attack, true])
    }
  }
})

test(`${SCALE.copies} copies of the real server's data do not tell who came together: all have other names in the next copy`, () => {
  for (const target of [PSEUDONYM, ALIAS] as const) {
    expect(real(SERIES, target).chance).toBeGreaterThan(CHANCE_MIN)
  }
})

describe("what was deleted", () => {
  test("of accounts, aliases and groups is in no copy that is taken later, whatever crashed in between", () => {
    expect(remains.filter(({ gone }) => gone > 0).length).toBeGreaterThan(10)
    expect(Math.max(...remains.map(({ gone }) => gone))).toBeGreaterThan(30)
    expect(remains.map(({ real }) => real)).toEqual(remains.map(() => 0))
  })

  test("is found at a naive server, as is what is still there at the real one", () => {
    expect(Math.max(...remains.map(({ naive }) => naive))).toBeGreaterThan(10)
    for (const { there, found } of remains) expect(found).toBeGreaterThanOrEqual(there)
  })
})
