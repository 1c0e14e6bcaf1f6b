import { beforeAll, describe, expect, test } from "bun:test"
import type { Target } from "../../src/audit/attacks/linking.ts"
import type { Judgement } from "../../src/audit/relabelling.ts"
import { type Judged, judgementOf, judgements } from "./population/judged.ts"
import type { Scale } from "./population/plan.ts"

/**
 * Sixty people for two days, at a real server and at a naive one. Whether an attack does better than chance is decided by
 * `chance`: a bound of its own for each of the 24 questions that the real server is asked here, so that one run in four
 * hundred fails without a reason. bench/linking.ts asks more people.
 */
const SCALE: Scale = {
  ...{ seed: 1, people: 60, groups: 14, friendships: 40, messages: 240, days: 2, copies: 30 },
}
const CHANCE_MIN = 1e-4

const GROUP = "queues of a group"
const PSEUDONYM = "users and pseudonyms"
const ALIAS = "aliases and users"
const ENTRY = "entries and queues"

const SERIES = `${SCALE.copies} copies`

const all = new Map<string, Judged>()

beforeAll(async () => {
  for await (const judged of judgements(SCALE, [SCALE.copies])) all.set(judged.name, judged)
}, 180_000)

function at(moment: string): Judged {
  const judged = all.get(moment)
  if (judged === undefined) throw new Error(`there was no such moment: ${moment}`)
  return judged
}

const real = (moment: string, target: Target): Judgement => judgementOf(at(moment).real, target)

/** What the attack came to. */
function areaOf(judgement: Judgement, attack: string) {
  const score = judgement.scores.find((one) => one.attack === attack)
  if (score === undefined) throw new Error(`no such attack: ${attack}`)
  return score.area
}

describe("every attack finds what there is to find at a naive server", () => {
  test.each<[Target, string, string, number]>([
    [GROUP, "log", "queued", 0.6],
    [GROUP, "order", "queued", 0.55],
    [GROUP, "times", "queued", 0.52],
    [GROUP, "lengths", "killed under load", 0.51],
    [GROUP, "bytes", "killed under load", 0.51],
    [GROUP, "changes", SERIES, 0.65],
    [PSEUDONYM, "log", "registered", 0.9],
    [PSEUDONYM, "order", "registered", 0.85],
    [PSEUDONYM, "times", "registered", 0.85],
    [PSEUDONYM, "lengths", "registered", 0.9],
    [PSEUDONYM, "bytes", "registered", 0.9],
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
  ])("%s by %s (%s): the interval is above %d", (target, attack, moment, low) => {
    expect(areaOf(judgementOf(at(moment).naive, target), attack).low).toBeGreaterThan(low)
  })
})

describe("no attack on one copy of the real server's data does better than chance", () => {
  test.each<[string, readonly Target[]]>([
    ["registered", [PSEUDONYM, ALIAS]],
    ["queued", [GROUP, PSEUDONYM, ALIAS, ENTRY]],
    ["killed in quiet", [PSEUDONYM, ALIAS]],
    ["killed under load", [PSEUDONYM, ALIAS]],
    ["started again", [GROUP, PSEUDONYM, ALIAS, ENTRY]],
    ["all is read", [GROUP, PSEUDONYM, ALIAS]],
    ["stopped", [GROUP, PSEUDONYM, ALIAS]],
  ])("%s", (moment, targets) => {
    for (const target of targets) expect(real(moment, target).chance).toBeGreaterThan(CHANCE_MIN)
  })
})
