/**
 * Which requests are begun. Beyond what a server can do, waiting helps nobody: whoever is refused at once tries again later, and
 * those that were let in, and streams, are served in time.
 *
 * Requests differ in cost by a factor of thousands, so what is bounded is not their number alone: when some have been waiting
 * for long, nothing new is begun until they are answered. A few slow ones are not many.
 */
export interface AdmissionLimits {
  /** Requests that are under way at a time. */
  readonly inFlightMax: number
  /** When so many requests … */
  readonly waitingMax: number
  /** … have been under way for so many milliseconds, the next are refused. */
  readonly patienceMilliseconds: number
}

export class Admission {
  readonly #limits: AdmissionLimits
  /** Milliseconds. */
  readonly #now: () => number
  /** When each request under way was begun, the oldest first. */
  readonly #begun = new Map<number, number>()
  #count = 0

  constructor(limits: AdmissionLimits, now: () => number) {
    this.#limits = limits
    this.#now = now
  }

  /** Requests under way. */
  get size(): number {
    return this.#begun.size
  }

  /** Lets a request in: a name for it that is to be handed to {@link end}. Undefined: it is refused. */
  begin(): number | undefined {
    const now = this.#now()
    if (this.#begun.size >= this.#limits.inFlightMax || this.#isCrowded(now)) return undefined
    this.#begun.set(this.#count, now)
    return this.#count++
  }

  end(request: number): void {
    this.#begun.delete(request)
  }

  /** Whether the last of the oldest requests that may wait for long has waited too long. */
  #isCrowded(now: number): boolean {
    const { waitingMax, patienceMilliseconds } = this.#limits
    if (this.#begun.size < waitingMax) return false
    let rank = 0
    for (const begun of this.#begun.values()) {
      if (++rank === waitingMax) return now - begun > patienceMilliseconds
    }
    return false
  }
}
