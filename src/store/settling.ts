import type { Pipeline } from "./pipeline.ts"

/**
 * When fresh rows move to their places: all of them soon after a commit that no other followed, and each when the log may not
 * hold its commit any longer, and not before half of that time. Until then a copy of the files tells which rows are fresh, as it
 * does of a log that is not scrubbed. Then only the move itself tells it, until it is scrubbed from the log as any commit is.
 */
export class Settling {
  readonly #pipeline: Pipeline
  readonly #delayMs: number
  readonly #quietMs: number
  #timer: ReturnType<typeof setTimeout> | undefined
  #quiet: ReturnType<typeof setTimeout> | undefined

  /** `delayMs`: 0 before anybody is told of the commit. `quietMs`: so long no other commit followed. */
  constructor(pipeline: Pipeline, delayMs: number, quietMs: number) {
    this.#pipeline = pipeline
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
    this.#quiet = setTimeout(() => this.settle(), this.#quietMs)
  }

  /** Moves all now. */
  settle(): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#quiet)
    this.#timer = undefined
    this.#pipeline.settle("all")
  }

  #settleOlder(): void {
    this.#timer = undefined
    this.#pipeline.settle("older")
    if (this.#pipeline.unsettled) this.#timer ??= setTimeout(() => this.#settleOlder(), this.#delayMs / 2)
  }
}
