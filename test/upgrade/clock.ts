import { join } from "node:path"

/** Where a process that was started with clock-preload.ts finds how far its clock is ahead. */
export const AHEAD_VARIABLE = "CINDER_TEST_AHEAD"

const PRELOAD = join(import.meta.dir, "clock-preload.ts")

/** A clock that shows another time than the machine's, for this process and for those that it starts. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** With these variables, a program that Bun runs has this clock. */
  readonly environment: Readonly<Record<string, string>>
}

/** `moment`: what it shows now, in milliseconds since 1970. */
export function clockAt(moment: number): Clock {
  const ahead = moment - Date.now()
  return {
    now: () => Math.floor(Date.now() + ahead),
    environment: { BUN_OPTIONS: `--preload=${PRELOAD}`, [AHEAD_VARIABLE]: `${ahead}` },
  }
}
