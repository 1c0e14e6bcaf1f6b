import type { Snapshot } from "../evidence.ts"
import { type Judgement, judge } from "../relabelling.ts"
import type { Truth } from "../truth.ts"
import { ChangeLog } from "./changes.ts"
import { type Guess, isOfOneKind, type Linking, linkingsOf, TARGETS, type Target } from "./linking.ts"
import { logGuesses } from "./log.ts"
import { orderGuesses } from "./order.ts"
import { ownersOf } from "./owners.ts"
import { byteGuesses, lengthGuesses } from "./shared.ts"
import { timeGuesses } from "./times.ts"

/** The attacks that link things, scored against the truth. They know nothing of the schema but which rows hold which ids. */

/** What one snapshot tells. `shufflesMax` as in `judge`. */
export function attackMoment(
  snapshot: Snapshot,
  truth: Truth,
  shufflesMax: number,
  targets: readonly Target[] = TARGETS,
): Judgement[] {
  const all = ownersOf(snapshot, new Set([...truth.pseudonyms, ...truth.aliases, ...truth.entries].flat()))
  return linkingsOf(truth, (id) => all.has(id))
    .filter(({ target }) => targets.includes(target))
    .map((linking) => judge(linking, momentGuesses(linking, snapshot), shufflesMax))
}

function momentGuesses(linking: Linking, snapshot: Snapshot): Guess[] {
  const ids = isOfOneKind(linking) ? linking.left : [...linking.left, ...linking.right]
  const owners = ownersOf(snapshot, new Set(ids))
  return [
    ...logGuesses(linking, snapshot),
    ...orderGuesses(linking, owners),
    ...timeGuesses(linking, owners),
    ...lengthGuesses(linking, owners),
    ...byteGuesses(linking, owners),
  ]
}

/** All guesses at one linking, after the last snapshot and what changed before it. Undefined: there is nothing to find. */
export function guessesOf(
  snapshots: readonly Snapshot[],
  truth: Truth,
  target: Target,
): { readonly linking: Linking; readonly guesses: readonly Guess[] } | undefined {
  const last = snapshots.at(-1)
  const linking = linkingsOf(truth, () => true).find((one) => one.target === target)
  if (last === undefined || linking === undefined) return undefined
  const log = new ChangeLog(linking)
  for (const snapshot of snapshots) log.see(snapshot)
  return {
    linking,
    guesses: [...momentGuesses(linking, last), ...(snapshots.length > 1 ? log.guesses() : [])],
  }
}

/** What several snapshots tell, oldest first; they are looked at one after the other. */
export function attackSeries(
  snapshots: Iterable<Snapshot>,
  truth: Truth,
  shufflesMax: number,
  targets: readonly Target[] = TARGETS,
): Judgement[] {
  const logs = linkingsOf(truth, () => true)
    .filter(({ target }) => targets.includes(target))
    .map((linking) => new ChangeLog(linking))
  for (const snapshot of snapshots) for (const log of logs) log.see(snapshot)
  return logs.map((log) => judge(log.linking, log.guesses(), shufflesMax))
}
