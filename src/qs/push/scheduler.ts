import { PUSH_ATTEMPTS_MAX, PUSHES_IN_FLIGHT_MAX, PUSHES_WAITING_MAX } from "../../limits.ts"
import { byteName } from "../../store/byte-name.ts"
import type { PushOutcome } from "./web-push.ts"

/** Milliseconds at least and at most; each time is a random one in between. */
export type Between = readonly [min: number, max: number]

export interface PushPace {
  /** From a message to the push that tells of it. */
  readonly delay: Between
  /** From a push to the next one for the same client. */
  readonly interval: Between
}

export interface PushSchedulerOptions {
  readonly pace: PushPace
  /** Sends a push to the client; `ticket` opens its token. Must not throw. */
  readonly push: (client: Uint8Array, ticket: Uint8Array) => Promise<PushOutcome>
  readonly isStreaming: (client: Uint8Array) => boolean
}

/** A client that got a message, or a push not long ago. */
interface Waiting {
  readonly client: Uint8Array
  /** The newest one. It opens nothing without the server's ticket key. */
  ticket: Uint8Array
  /** There is something that no push has told of, and the client was not there since. */
  wanted: boolean
  attempts: number
  timer: ReturnType<typeof setTimeout> | undefined
}

/**
 * Decides when a client is woken: once for many messages, some time after the first of them, not again soon, and not at all if it
 * is there by then. Of what waits nothing is written down: a push that a restart swallows is made good by the next message.
 */
export class PushScheduler {
  readonly #options: PushSchedulerOptions
  readonly #waiting = new Map<string, Waiting>()
  #inFlight = 0
  #stopped = false

  constructor(options: PushSchedulerOptions) {
    this.#options = options
  }

  /** A message was put into the client's queue. */
  wake(client: Uint8Array, ticket: Uint8Array): void {
    const name = byteName(client)
    const known = this.#waiting.get(name)
    if (known !== undefined) {
      known.ticket = ticket
      known.wanted = true
      return
    }
    if (this.#stopped || this.#waiting.size >= PUSHES_WAITING_MAX) return
    const waiting: Waiting = { client: client.slice(), ticket, wanted: true, attempts: 0, timer: undefined }
    this.#waiting.set(name, waiting)
    this.#later(waiting, this.#options.pace.delay)
  }

  /** The client is there and reads by itself. A push that is under way is not tried again. */
  seen(client: Uint8Array): void {
    const known = this.#waiting.get(byteName(client))
    if (known === undefined) return
    known.wanted = false
    known.attempts = PUSH_ATTEMPTS_MAX
  }

  stop(): void {
    this.#stopped = true
    for (const { timer } of this.#waiting.values()) clearTimeout(timer)
    this.#waiting.clear()
  }

  #later(waiting: Waiting, [min, max]: Between): void {
    if (this.#stopped) return
    waiting.timer = setTimeout(() => void this.#due(waiting), min + (max - min) * Math.random())
    waiting.timer.unref()
  }

  async #due(waiting: Waiting): Promise<void> {
    const { client, ticket } = waiting
    if (!waiting.wanted || this.#options.isStreaming(client)) {
      this.#waiting.delete(byteName(client))
      return
    }
    if (this.#inFlight >= PUSHES_IN_FLIGHT_MAX) {
      this.#later(waiting, this.#options.pace.delay)
      return
    }
    waiting.wanted = false
    waiting.attempts++
    this.#inFlight++
    const outcome = await this.#options.push(client, ticket)
    this.#inFlight--
    if (outcome === "failed" && waiting.attempts < PUSH_ATTEMPTS_MAX) waiting.wanted = true
    else waiting.attempts = 0
    this.#later(waiting, this.#options.pace.interval)
  }
}
