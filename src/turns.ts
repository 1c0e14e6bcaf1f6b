import { CROWD_SLICE_MILLISECONDS } from "./limits.ts"

/**
 * Work that may come for thousands of clients in the same moment, one after the other, and never so much at a time that others wait
 * for it: what a slice has no time for is done in the next one, after whatever else has come meanwhile. Without a crowd, work is done
 * at once.
 */
export class Turns {
  readonly #waiting: (() => void)[] = []
  #next = 0
  /** Milliseconds of the slice that are used. */
  #spent = 0
  #scheduled = false

  /** Does the work when it is its turn, which may be now. It must not throw. */
  take(work: () => void): void {
    const isFree = this.#waiting.length === 0 && this.#spent < CROWD_SLICE_MILLISECONDS
    if (isFree) this.#do(work)
    else this.#waiting.push(work)
    this.#schedule()
  }

  /** The same, but not now. */
  later(work: () => void): void {
    this.#waiting.push(work)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#slice)
  }

  readonly #slice = (): void => {
    this.#spent = 0
    while (this.#next < this.#waiting.length && this.#spent < CROWD_SLICE_MILLISECONDS)
      this.#do(this.#waiting[this.#next++] as () => void)
    if (this.#next === this.#waiting.length) {
      this.#waiting.length = 0
      this.#next = 0
    }
    this.#scheduled = false
    if (this.#spent > 0) this.#schedule()
  }

  #do(work: () => void): void {
    const began = performance.now()
    work()
    this.#spent += performance.now() - began
  }
}
