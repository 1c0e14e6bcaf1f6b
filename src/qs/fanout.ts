import { wipe } from "../crypto/wipe.ts"
import type { Delivery, Enqueued, Fanout, QueueHandle, Recipient, Resolution } from "../fanout.ts"
import type { QueueEngine } from "../queue/engine.ts"
import type { View } from "../store/database.ts"
import { groupOfQueueMessage } from "../wire/queue-message.ts"
import type { BlockLists } from "./block-lists.ts"
import type { Pushes } from "./push/pushes.ts"
import type { QueueConfigs } from "./queue-configs.ts"

/** What the DS holds on to between finding a queue and writing to it. */
interface Handle {
  /** The client's, and the queue's, id. */
  readonly client: Uint8Array
  /** For clients that get pushes: opens to the key of the push token. */
  readonly ticket: Uint8Array | undefined
}

export interface LocalFanoutOptions {
  readonly domain: string
  readonly engine: QueueEngine
  readonly configs: QueueConfigs
  readonly blockLists: BlockLists
  readonly pushes: Pushes
}

/** The fan-out to the queues of this QS, in the process of the DS. */
export class LocalFanout implements Fanout {
  readonly domain: string
  readonly #options: LocalFanoutOptions

  constructor(options: LocalFanoutOptions) {
    this.domain = options.domain
    this.#options = options
  }

  resolve(recipients: readonly Recipient[]): readonly Resolution[] {
    return recipients.map((recipient) => this.#resolve(recipient))
  }

  /**
   * A queue that was removed after it was resolved is passed over, and so is one whose owner blocks the group. Whoever has
   * no stream open is woken when the messages are committed.
   */
  enqueue(view: View, deliveries: readonly Delivery[]): Enqueued {
    const { blockLists, engine, pushes } = this.#options
    const wanted = deliveries.flatMap(({ queue, message }) => {
      const { client, ticket } = queue as unknown as Handle
      const blocked = blockLists.blocks(view, client, groupOfQueueMessage(message))
      return blocked ? [] : [{ queue: client, message, ticket }]
    })
    const enqueued = engine.enqueue(view, wanted)
    return {
      ...enqueued,
      committed: () => {
        enqueued.committed()
        for (const { queue, ticket } of wanted) if (ticket !== undefined) pushes.wake(queue, ticket)
      },
    }
  }

  #resolve(recipient: Recipient): Resolution {
    const { configs, engine } = this.#options
    const { ticket } = recipient
    const known = ticket === undefined ? undefined : configs.openTicket(ticket)
    const opened = known ?? configs.open(recipient.config)
    try {
      if (opened === undefined || !engine.exists(opened.client)) return { kind: "dead" }
      const newTicket = known === undefined ? configs.ticketFor(opened) : undefined
      const { client, pushTokenKey } = opened
      // The DS overwrites what it holds of a group before the message is written.
      const own = pushTokenKey === undefined ? undefined : (newTicket ?? ticket)?.slice()
      const handle: Handle = { client, ticket: own }
      return { kind: "queue", queue: handle as unknown as QueueHandle, newTicket }
    } finally {
      wipe(opened?.pushTokenKey)
    }
  }
}
