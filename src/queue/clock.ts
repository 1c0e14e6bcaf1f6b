import { CLOCK_SETTLED_HOURS, CLOCK_TOLERANCE_HOURS } from "../limits.ts"

const HOUR_MILLISECONDS = 3_600_000

/** The time, and whether it can be relied on: a clock may be set, or be wrong from the start. */
export class SteadyClock {
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly #elapsed: () => number
  #since: { readonly now: number; readonly elapsed: number }

  /** `elapsed`: milliseconds since some moment in this process, by a clock that nobody can set. */
  constructor(now: () => number, elapsed: () => number) {
    this.now = now
    this.#elapsed = elapsed
    this.#since = { now: now(), elapsed: elapsed() }
  }

  /**
   * Whether the clock has run in this process for CLOCK_SETTLED_HOURS without being set. If it was set, this time begins
   * anew.
   */
  settled(): boolean {
    const reading = { now: this.now(), elapsed: this.#elapsed() }
    const passed = reading.elapsed - this.#since.elapsed
    const off = Math.abs(reading.now - this.#since.now - passed)
    if (off > CLOCK_TOLERANCE_HOURS * HOUR_MILLISECONDS) {
      this.#since = reading
      return false
    }
    return passed >= CLOCK_SETTLED_HOURS * HOUR_MILLISECONDS
  }
}
