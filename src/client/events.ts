import { EventCounter, StoredEvent } from "./event-records.ts"
import { backoffMilliseconds, pause } from "./pace.ts"
import { at, change, load, removal } from "./record-store.ts"
import type { ClientStore, StoreChange } from "./store.ts"

/** Hands one event over; when it resolves the event is forgotten. */
export type EventSink = (event: StoredEvent, number: number) => void | Promise<void>

/**
 * What happened, in order. Events are written together with the state that they belong to, and stay until the
 * application has taken them: after a crash it gets the rest, and at most the one it was working on a second time,
 * under the same number.
 */
export class EventLog {
  readonly #store: ClientStore
  readonly #signal: AbortSignal
  #next = 0
  #waiting: number[] = []
  #sink: EventSink | undefined
  #pumping = false

  private constructor(store: ClientStore, signal: AbortSignal) {
    this.#store = store
    this.#signal = signal
  }

  static async open(store: ClientStore, signal: AbortSignal): Promise<EventLog> {
    const log = new EventLog(store, signal)
    log.#next = (await load(store, EventCounter, at.events))?.next ?? 0
    const prefix = at.event(0).replace(/\d+$/, "")
    log.#waiting = (await store.list(prefix)).map((key) => Number(key.slice(prefix.length)))
    return log
  }

  /**
   * The changes that record events; to be written in the transaction of what they tell about, and followed by
   * {@link written} when that succeeded.
   */
  record(events: readonly StoredEvent[]): { readonly changes: StoreChange[]; written(): void } {
    if (events.length === 0) return { changes: [], written: () => undefined }
    const first = this.#next
    this.#next += events.length
    const changes = events.map((event, index) => change(StoredEvent, at.event(first + index), event))
    changes.push(change(EventCounter, at.events, { next: this.#next }))
    return {
      changes,
      written: () => {
        this.#waiting.push(...events.map((_, index) => first + index))
        this.#waiting.sort((a, b) => a - b)
        void this.#pump()
      },
    }
  }

  /** From now on events go there, the waiting ones first. */
  deliverTo(sink: EventSink): void {
    this.#sink = sink
    void this.#pump()
  }

  async #pump(): Promise<void> {
    if (this.#pumping || this.#sink === undefined) return
    this.#pumping = true
    let failures = 0
    try {
      for (let number = this.#waiting[0]; number !== undefined; number = this.#waiting[0]) {
        if (this.#signal.aborted) return
        try {
          const event = await load(this.#store, StoredEvent, at.event(number))
          if (event !== undefined) await this.#sink(event, number)
          await this.#store.transaction([removal(at.event(number))])
          this.#waiting.shift()
          failures = 0
        } catch {
          failures += 1
          await pause(backoffMilliseconds(failures), this.#signal)
        }
      }
    } catch {
      // Closed while waiting: the events stay for the next time.
    } finally {
      this.#pumping = false
    }
  }
}
