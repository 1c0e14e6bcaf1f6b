import { METRIC_LATE_MILLISECONDS, METRIC_LOOK_MILLISECONDS } from "../limits.ts"

/** Looks at random times, and not after requests, whether the event loop is late. */
export class EventLoopWatch {
  looks = 0
  late = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor() {
    this.#schedule()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #schedule(): void {
    const delay = METRIC_LOOK_MILLISECONDS * (0.5 + Math.random())
    const due = performance.now() + delay
    this.#timer = setTimeout(() => {
      this.looks++
      if (performance.now() - due > METRIC_LATE_MILLISECONDS) this.late++
      this.#schedule()
    }, delay)
    this.#timer.unref()
  }
}
