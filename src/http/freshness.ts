import { REQUEST_AGE_SECONDS_MAX } from "../limits.ts"

/**
 * Which signatures are fresh, so that a signed request is accepted at most once, a restart of the server in between
 * included, without a trace of requests on disk:
 *
 * - not older than REQUEST_AGE_SECONDS_MAX: for so long the process remembers what it saw;
 * - not from a later second than the server's: so whatever an earlier process accepted is from before its end;
 * - from a later second than `boundary`, in which this process started: so none of that is accepted again. For a server
 *   that has no earlier process there is no boundary.
 *
 * A client whose clock differs is told the server's time by the refusal's Date header and signs again.
 */
export class Freshness {
  readonly #clock: () => number
  readonly #boundary: number
  #latest = 0

  /** `clock` in milliseconds since 1970, `boundary` in seconds, 0 for none. */
  constructor(clock: () => number, boundary: number) {
    this.#clock = clock
    this.#boundary = boundary
  }

  /** Seconds since 1970. Never goes back: what was stale once stays so. */
  now(): number {
    this.#latest = Math.max(this.#latest, Math.floor(this.#clock() / 1000))
    return this.#latest
  }

  isFresh(issuedAt: number): boolean {
    const now = this.now()
    return issuedAt > this.#boundary && issuedAt <= now && now - issuedAt <= REQUEST_AGE_SECONDS_MAX
  }

  /** Resolves when a signature can be fresh: in the second of the start only there is something to wait for. */
  async pastBoundary(): Promise<void> {
    while (this.now() <= this.#boundary) {
      await Bun.sleep(Math.min(1000, (this.#boundary + 1) * 1000 - this.#clock()))
    }
  }
}
