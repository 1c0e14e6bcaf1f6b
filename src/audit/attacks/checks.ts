import type { Snapshot } from "../evidence.ts"
import type { Check, Finding } from "../finding.ts"
import type { Judgement, Score } from "../relabelling.ts"
import { exactly } from "../statistics.ts"
import type { Truth } from "../truth.ts"
import { attackMoment, attackSeries } from "./attacks.ts"
import type { Target } from "./linking.ts"

/** The linking attacks as checks, for whoever has the truth. */

const QUESTIONS: readonly (readonly [id: string, target: Target, question: string])[] = [
  ["linked-queues", "queues of a group", "Can it be told which queues belong to one group?"],
  ["linked-pseudonyms", "users and pseudonyms", "Can it be told which pseudonym is whose?"],
  ["linked-aliases", "aliases and users", "Can it be told which alias is whose?"],
  ["linked-entries", "entries and queues", "Can it be told whose queue an entry lies in?"],
]
/** What happens less often by chance does not pass. */
const CHANCE_MIN = 0.001
const SHUFFLES_MAX = 10_000
const CHANCE_AREA = 0.5

/** Of the last snapshot by itself and, if there are several, of all of them together. */
export function linkingChecks(truth: Truth): Check[] {
  return QUESTIONS.map(([id, target, question]) => ({
    id,
    question,
    run: (snapshots) => findingOf(judgementsOf(snapshots, truth, target)),
  }))
}

function judgementsOf(snapshots: readonly Snapshot[], truth: Truth, target: Target): Judgement[] {
  const last = snapshots.at(-1)
  return [
    ...(last === undefined ? [] : attackMoment(last, truth, SHUFFLES_MAX, [target])),
    ...(snapshots.length < 2 ? [] : attackSeries(snapshots, truth, SHUFFLES_MAX, [target])),
  ]
}

function findingOf(judgements: readonly Judgement[]): Omit<Finding, "id"> {
  const common = { chance: CHANCE_AREA, unit: "area under the ROC curve" }
  if (judgements.length === 0) {
    const words = "The truth knows no pairs of which both are there, so there was nothing to try."
    return { ...common, pass: true, measure: exactly(CHANCE_AREA), words, details: [] }
  }
  const pass = judgements.every(({ chance }) => chance >= CHANCE_MIN)
  const scores = judgements.flatMap((judgement) => judgement.scores)
  const best = scores.reduce((one, other) => (other.area.low > one.area.low ? other : one))
  const words = pass
    ? "No attack does better than guessing."
    : "Pairs that belong together can be told from others, though not all of them."
  return { ...common, pass, measure: best.area, words, details: scores.map(wordsOf) }
}

function wordsOf({ attack, how, area, found }: Score): string {
  const interval = `${area.value.toFixed(3)} (${area.low.toFixed(3)} to ${area.high.toFixed(3)})`
  return `${attack}, ${how}: ${interval}; ${Math.round(100 * found)} % of all pairs found with one in ten wrong`
}
