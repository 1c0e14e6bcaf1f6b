import type { Pipeline } from "./pipeline.ts"
import type { Scrubber } from "./scrub.ts"

/**
 * When fresh rows move to their places: all of them soon after a commit that no other followed, and each when the log may not
 * hold it any longer, and not before half of that time. The log is scrubbed at once then. Until then a copy of the files
 * tells which rows are fresh, as it does of a log that is not scrubbed; afterwards nothing tells it.
 */
export class Settling {
  readonly #pipeline: Pipeline
  readonly #scrubber: Scrubber
  readonly #delayMs: number
  readonly #quietMs: number
  #timer: ReturnType<typeof setTimeout> | undefined
  #quiet: ReturnType<typeof setTimeout> | undefined

  /** `delayMs`: 0 before anybody is told of the commit. `quietMs`: so long no other commit followed. */
  constructor(pipeline: Pipeline, scrubber: Scrubber, delayMs: number, quietMs: number) {
    this.#pipeline = pipeline
    this.#scrubber = scrubber
    this.#delayMs = delayMs
    this.#quietMs = Math.min(quietMs, delayMs)
  }

  /** A transaction was committed. */
  committed(): void {
    if (!this.#pipeline.unsettled) return
    if (this.#delayMs === 0) {
      this.#pipeline.settle("all")
      return
    }
    this.#timer ??= setTimeout(() => this.#settleOlder(), this.#delayMs / 2)
    clearTimeout(this.#quiet)
    this.#quiet = setTimeout(() => this.#settleAll(), this.#quietMs)
  }

  /** Moves all now. */
  settle(): boolean {
    clearTimeout(this.#timer)
    clearTimeout(this.#quiet)
    this.#timer = undefined
    return this.#pipeline.settle("all")
  }

  #settleAll(): void {
    if (this.settle()) this.#scrubber.due()
  }

  #settleOlder(): void {
    this.#timer = undefined
    if (this.#pipeline.settle("older")) this.#scrubber.due()
    if (this.#pipeline.unsettled) this.#timer ??= setTimeout(() => this.#settleOlder(), this.#delayMs / 2)
  }
}
