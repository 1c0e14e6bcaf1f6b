import type { Delivery, Enqueued, Fanout, QueueHandle, Recipient, Resolution } from "../../src/fanout.ts"
import type { View } from "../../src/store/database.ts"
import { fromUtf8, utf8 } from "../../src/wire/bytes.ts"
import { Problem } from "../../src/wire/problem.ts"
import { decodeClientQueueConfig, encodeClientQueueConfig } from "../../src/wire/queue-config.ts"
import type { Queues } from "./world.ts"

/** Queues in memory, named by the `sealed` part of configs, with the promises of the real fan-out. */
export class MemoryFanout implements Fanout, Queues {
  readonly domain: string
  /** Names of queues that are gone. */
  readonly gone = new Set<string>()
  /** Names of queues that take nothing more. */
  readonly full = new Set<string>()
  /** Whether every ticket is invalid at once. */
  forgetful = false
  /** How often a config had to be opened for want of a ticket. */
  configsOpened = 0
  readonly #queues = new Map<string, Uint8Array[]>()
  #ticketGeneration = 1

  constructor(domain: string) {
    this.domain = domain
  }

  /** All tickets become invalid. */
  rotateTickets(): void {
    this.#ticketGeneration++
  }

  open(): this {
    return this
  }

  /** A queue config under which the queue of this name is found. */
  queueConfig(name: string, domain: string): Uint8Array {
    return encodeClientQueueConfig({ domain, sealed: utf8(name), signature: new Uint8Array(64) })
  }

  take(name: string): Uint8Array[] {
    const messages = this.#queues.get(name) ?? []
    this.#queues.delete(name)
    return messages
  }

  resolve(recipients: readonly Recipient[]): readonly Resolution[] {
    return recipients.map(({ config, ticket }) => {
      const name = fromUtf8(decodeClientQueueConfig(config).sealed)
      if (this.gone.has(name)) return { kind: "dead" }
      const fresh = Uint8Array.of(this.#ticketGeneration, ...config.subarray(0, 40))
      const valid = !this.forgetful && ticket?.[0] === this.#ticketGeneration
      if (!valid) this.configsOpened++
      return {
        kind: "queue",
        queue: { name } as unknown as QueueHandle,
        newTicket: valid ? undefined : fresh,
      }
    })
  }

  enqueue(_view: View, deliveries: readonly Delivery[]): Enqueued {
    const sealed = deliveries.map(({ queue, message }) => {
      const { name } = queue as unknown as { name: string }
      if (this.full.has(name)) throw new Problem("queue.full")
      return { name, message: message.slice() }
    })
    return {
      effects: [],
      committed: () => {
        for (const { name, message } of sealed) {
          this.#queues.set(name, [...(this.#queues.get(name) ?? []), message])
        }
      },
      failed() {},
    }
  }
}
