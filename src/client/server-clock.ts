/** How long what was told holds: a quartz that errs by 100 in a million is a third of a second off by then. */
const TOLD_MILLISECONDS_MAX = 3_600_000
/** By how much the own clock and one that nobody sets may go differently before the own one counts as set. */
const SET_MILLISECONDS_MIN = 500

/** What both clocks of this device said when an answer's head came: its body may take long. */
export interface Moment {
  readonly own: number
  readonly elapsed: number
}

/**
 * The server's clock as the `Date` headers of its answers tell it. Signatures carry the time: by the device's own clock they
 * would show how far it is off, and so which requests come from one device.
 */
export class ServerClock {
  readonly #own: () => number
  readonly #elapsed: () => number
  /** Milliseconds from the own clock to the server's. */
  #ahead = 0
  #told: Moment | undefined
  /** The latest second that was signed with: a proxy's header may name an earlier one than the server's own did. */
  #latest = 0

  /** `own`: this device's clock, in milliseconds since 1970; `elapsed`: milliseconds by a clock that nobody sets. */
  constructor(own: () => number, elapsed: () => number = () => performance.now()) {
    this.#own = own
    this.#elapsed = elapsed
  }

  /** Whether the server was asked not long ago, even if it did not say; and this device neither set its clock nor slept since. */
  get known(): boolean {
    if (this.#told === undefined) return false
    const { own, elapsed } = this.moment()
    const passed = elapsed - this.#told.elapsed
    const set = Math.abs(own - this.#told.own - passed) >= SET_MILLISECONDS_MIN
    return passed <= TOLD_MILLISECONDS_MAX && !set
  }

  moment(): Moment {
    return { own: this.#own(), elapsed: this.#elapsed() }
  }

  /**
   * Takes the `Date` header that came at a moment. Without one that can be read, what is known stays, and otherwise the own
   * clock has to do.
   */
  learn(date: string | null, at: Moment): void {
    const server = Date.parse(date ?? "")
    const silent = Number.isNaN(server)
    if (silent && this.known) return
    this.#ahead = silent ? 0 : server - at.own
    this.#told = at
  }

  /** The server did not accept what {@link now} said: it has to be asked, and may say an earlier time. */
  forget(): void {
    this.#told = undefined
    this.#latest = 0
  }

  /** Seconds since 1970. Not later than the server's own, since a header names a second that has begun; and never back. */
  now(): number {
    this.#latest = Math.max(this.#latest, Math.floor((this.#own() + this.#ahead) / 1000))
    return this.#latest
  }
}
