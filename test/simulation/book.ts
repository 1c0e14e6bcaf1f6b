import { codeOf } from "./player.ts"
import type { Deed } from "./schedule.ts"

/** `unknown`: nobody answered, or the client died: it may have happened. `refused`: it did not happen. */
export type Outcome = "done" | "unknown" | "refused"

/** What somebody tried to do. */
export interface Entry {
  readonly deed: Deed
  /** A user, as all names of people here. */
  readonly by: string
  readonly group: string
  /** How many epochs of the group the client had held. */
  readonly began: number
  /** Who was to be added or removed. */
  readonly whom?: string
  /** What was said: different each time. */
  readonly text?: string
  outcome: Outcome
}

/** Whether nothing that comes reaches this client: it died while it joined again, and has to try once more before it is removed. */
export function diedJoining(book: readonly Entry[], group: string, user: string): boolean {
  return tries(book, "resync", group, user).some(({ outcome }) => outcome === "unknown")
}

/** Whether somebody ended a group, as far as they know. */
export function mayHaveDeleted(book: readonly Entry[], group: string, user: string): boolean {
  return tries(book, "delete", group, user).some(({ outcome }) => outcome !== "refused")
}

/** What somebody tried of this in a group, in order. */
export function tries(book: readonly Entry[], deed: Deed, group: string, user: string): Entry[] {
  return book.filter((entry) => entry.deed === deed && entry.group === group && entry.by === user)
}

/** Refusals that tell that nothing was done: the others are no part of any game. */
const refusals: readonly (string | undefined)[] = [
  ...["ds.not-allowed", "ds.proposals-pending", "ds.wrong-epoch", "qs.no-add-package"],
  ...["client.removed", "client.unknown-member", "client.unknown-group", "client.unknown-contact"],
  // A resync after a removal that the client does not know of yet.
  "client.invalid",
]
/** After these nobody knows. A group that is gone, or a member that is, is refused like one that never was. */
const silences: readonly (string | undefined)[] = [
  ...["client.unreachable", "client.closed", "client.contended", "auth.refused"],
]

/** What an error says about what was tried; undefined: it must not happen. */
export function outcomeOf(error: unknown): Outcome | undefined {
  const code = codeOf(error)
  if (refusals.includes(code)) return "refused"
  return silences.includes(code) ? "unknown" : undefined
}
