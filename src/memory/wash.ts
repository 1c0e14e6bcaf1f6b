import { SWEEP_REST_FACTOR, WASH_PAUSE_MILLISECONDS, WASH_QUIET_MILLISECONDS } from "../limits.ts"
import { overwriteFreeBlocks } from "./free-blocks.ts"
import type { Sweep } from "./sweep.ts"

/**
 * Overwrites the copies of keys that the runtime made: those in garbage, in free blocks, and in the buffers of sockets. It
 * follows requests as soon as there is a pause between them, and comes in between when there is none, but never so often
 * that it would be all that the server does.
 */
export class Wash {
  readonly #rinse: () => Promise<void>
  readonly #sweep: Sweep | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  /** The first and the last need since the last wash, and when that began: milliseconds of `performance.now()`. */
  #first = 0
  #last = 0
  #began = Number.NEGATIVE_INFINITY
  /** Until then the next one waits, because the last one had much memory to search. */
  #rested = Number.NEGATIVE_INFINITY
  #washing = false
  #stopped = false

  /** `rinse` overwrites the buffers of sockets, `sweep` what the rest did not reach. */
  constructor(rinse: () => Promise<void>, sweep?: Sweep) {
    this.#rinse = rinse
    this.#sweep = sweep
  }

  /** Something that is to be overwritten was in memory just now. */
  needed(): void {
    this.#last = performance.now()
    if (this.#timer !== undefined || this.#stopped) return
    this.#first = this.#last
    this.#wait()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #wait(): void {
    this.#timer = setTimeout(() => void this.#look(), Math.max(1, this.#due() - performance.now()))
    this.#timer.unref()
  }

  #due(): number {
    const pause = WASH_PAUSE_MILLISECONDS
    if (this.#washing) return performance.now() + pause
    const wanted = Math.min(this.#last + WASH_QUIET_MILLISECONDS, this.#first + pause)
    return Math.max(wanted, this.#began + pause, this.#rested)
  }

  async #look(): Promise<void> {
    if (performance.now() < this.#due()) {
      this.#wait()
      return
    }
    this.#timer = undefined
    this.#began = performance.now()
    this.#washing = true
    await this.wash()
    this.#washing = false
  }

  /** Does it now. */
  protected async wash(): Promise<void> {
    Bun.gc(true)
    overwriteFreeBlocks()
    await this.#rinse()
    const searched = (await this.#sweep?.run()) ?? 0
    this.#rested = performance.now() + SWEEP_REST_FACTOR * searched
  }
}
