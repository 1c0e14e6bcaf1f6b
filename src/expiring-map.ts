/**
 * A map in memory whose entries all last equally long, so that those that end first come first. Whoever holds secrets in
 * it says how they are overwritten.
 */
export class ExpiringMap<T> {
  readonly #now: () => number
  readonly #milliseconds: number
  readonly #ended: (value: T) => void
  readonly #entries = new Map<string, { readonly deadline: number; readonly value: T }>()

  /** `now` in milliseconds, not going back. `ended` is called with whatever is replaced, deleted, or over. */
  constructor(now: () => number, seconds: number, ended: (value: T) => void) {
    this.#now = now
    this.#milliseconds = 1000 * seconds
    this.#ended = ended
  }

  get size(): number {
    this.#expire()
    return this.#entries.size
  }

  get(name: string): T | undefined {
    this.#expire()
    return this.#entries.get(name)?.value
  }

  /** Its time begins anew, also where it replaces another. */
  set(name: string, value: T): void {
    this.delete(name)
    this.#entries.set(name, { deadline: this.#now() + this.#milliseconds, value })
  }

  delete(name: string): void {
    const entry = this.#entries.get(name)
    if (entry === undefined) return
    this.#entries.delete(name)
    this.#ended(entry.value)
  }

  #expire(): void {
    const now = this.#now()
    for (const [name, { deadline }] of this.#entries) {
      if (deadline > now) return
      this.delete(name)
    }
  }
}
