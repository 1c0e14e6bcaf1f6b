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
