/** How long what was told holds: a quartz that errs by 100 in a million is a third of a second off by then. */
const TOLD_MILLISECONDS_MAX = 3_600_000
/** By how much the own clock and one that nobody sets may go differently before the own one counts as set. */
const SET_MILLISECONDS_MIN = 500

/**
 * The server's clock as the `Date` headers of its answers tell it. Signatures carry the time: by the device's own clock they
 * would show how far it is off, and so which requests come from one device.
 */
export class ServerClock {
  readonly #own: () => number
  readonly #elapsed: () => number
  /** Milliseconds from the own clock to the server's. */
  #ahead = 0
  /** When it was told, by both clocks here. */
  #told: { readonly own: number; readonly elapsed: number } | undefined
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
    const passed = this.#elapsed() - this.#told.elapsed
    const set = Math.abs(this.#own() - this.#told.own - passed) >= SET_MILLISECONDS_MIN
    return passed <= TOLD_MILLISECONDS_MAX && !set
  }

  /** Takes a `Date` header. Without one that can be read, what is known stays, and otherwise the own clock has to do. */
  learn(date: string | null): void {
    const server = Date.parse(date ?? "")
    const silent = Number.isNaN(server)
    if (silent && this.known) return
    const own = this.#own()
    this.#ahead = silent ? 0 : server - own
    this.#told = { own, elapsed: this.#elapsed() }
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
