import type { Delivery, Enqueued, Fanout, QueueHandle, Recipient, Resolution } from "../fanout.ts"
import type { QueueEngine } from "../queue/engine.ts"
import type { View } from "../store/database.ts"
import { groupOfQueueMessage } from "../wire/queue-message.ts"
import type { BlockLists } from "./block-lists.ts"
import type { QueueConfigs } from "./queue-configs.ts"

/** The fan-out to the queues of this QS, in the process of the DS. A handle is the queue's id. */
export class LocalFanout implements Fanout {
  readonly domain: string
  readonly #engine: QueueEngine
  readonly #configs: QueueConfigs
  readonly #blockLists: BlockLists

  constructor(domain: string, engine: QueueEngine, configs: QueueConfigs, blockLists: BlockLists) {
    this.domain = domain
    this.#engine = engine
    this.#configs = configs
    this.#blockLists = blockLists
  }

  resolve(recipients: readonly Recipient[]): readonly Resolution[] {
    return recipients.map((recipient) => this.#resolve(recipient))
  }

  /** A queue that was removed after it was resolved is passed over, and so is one whose owner blocks the group. */
  enqueue(view: View, deliveries: readonly Delivery[]): Enqueued {
    const wanted = deliveries.flatMap(({ queue: handle, message }) => {
      const queue = handle as unknown as Uint8Array
      const blocked = this.#blockLists.blocks(view, queue, groupOfQueueMessage(message))
      return blocked ? [] : [{ queue, message }]
    })
    return this.#engine.enqueue(view, wanted)
  }

  #resolve({ config, ticket }: Recipient): Resolution {
    const known = ticket === undefined ? undefined : this.#configs.openTicket(ticket)
    const opened = known ?? this.#configs.open(config)
    if (opened === undefined || !this.#engine.exists(opened.client)) return { kind: "dead" }
    const newTicket = known === undefined ? this.#configs.ticketFor(opened) : undefined
    return { kind: "queue", queue: opened.client as unknown as QueueHandle, newTicket }
  }
}
