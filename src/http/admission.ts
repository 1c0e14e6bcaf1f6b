/**
 * Which requests are begun, and when. Beyond what a server can do, waiting helps nobody: whoever is refused at once tries again
 * later, and those that were let in, and streams, are served in time.
 *
 * A request counts as waiting from the moment at which its body is there: what it waits for before that is its sender, and a
 * few who send slowly must not have all others refused. Of those that wait only some are worked on at a time, the others in turn,
 * so that the server looks up between them, for streams, and to refuse. Requests differ in cost by a factor of thousands, so what is
 * bounded is not their number alone: when some have been waiting for long, nothing new is begun until they are answered. A few slow
 * ones are not many.
 */
export interface AdmissionLimits {
  /** Requests that are under way at a time, whether their bodies are there or not. */
  readonly inFlightMax: number
  /** Those that are worked on at a time. */
  readonly atWorkMax: number
  /** When so many requests … */
  readonly waitingMax: number
  /** … have been waiting for so many milliseconds, the next are refused. */
  readonly patienceMilliseconds: number
}

export class Admission {
  readonly #limits: AdmissionLimits
  /** Milliseconds. */
  readonly #now: () => number
  readonly #underWay = new Set<number>()
  /** Since when each whose body is there has been waiting, at work or not; the oldest first. */
  readonly #waiting = new Map<number, number>()
  /** Those of them whose turn has not come, in their order, with what to call then; all others are at work. */
  readonly #turns = new Map<number, () => void>()
  #count = 0

  constructor(limits: AdmissionLimits, now: () => number) {
    this.#limits = limits
    this.#now = now
  }

  /** Requests under way. */
  get size(): number {
    return this.#underWay.size
  }

  /** Whether another request is let in. */
  get hasRoom(): boolean {
    return this.#underWay.size < this.#limits.inFlightMax && !this.#isCrowded()
  }

  /** Lets a request in: a name for it that is to be handed to {@link end}. Undefined: it is refused. */
  begin(): number | undefined {
    if (!this.hasRoom) return undefined
    this.#underWay.add(this.#count)
    return this.#count++
  }

  /** The request's body is there. Resolves when it is its turn to be worked on. */
  turn(request: number): Promise<void> {
    const isFree = this.#waiting.size - this.#turns.size < this.#limits.atWorkMax
    this.#waiting.set(request, this.#now())
    if (isFree) return Promise.resolve()
    return new Promise((resolve) => this.#turns.set(request, resolve))
  }

  end(request: number): void {
    this.#underWay.delete(request)
    const wasThere = this.#waiting.delete(request)
    if (this.#turns.delete(request) || !wasThere) return
    const [next] = this.#turns
    if (next === undefined) return
    const [name, begin] = next
    this.#turns.delete(name)
    begin()
  }

  /** Whether the last of the oldest requests that may wait for long has waited too long. */
  #isCrowded(): boolean {
    const { waitingMax, patienceMilliseconds } = this.#limits
    if (this.#waiting.size < waitingMax) return false
    let rank = 0
    for (const since of this.#waiting.values()) {
      if (++rank === waitingMax) return this.#now() - since > patienceMilliseconds
    }
    return false
  }
}
