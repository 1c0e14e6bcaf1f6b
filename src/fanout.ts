import type { Effect, View } from "./store/database.ts"

/**
 * The one interface between the DS and the QS: the DS names recipients only by what their clients gave it, the QS
 * alone knows the queues behind them. Neither imports the other; a remote QS (federation) will be a second
 * implementation.
 */
export interface Fanout {
  /** The domain whose queues this fan-out serves. */
  readonly domain: string

  /**
   * Finds the queue of each recipient, in order. A ticket costs a symmetric decryption, a config an HPKE opening and
   * a signature check; the latter answers with a ticket to keep for the next time. Reads only.
   */
  resolve(recipients: readonly Recipient[]): readonly Resolution[]

  /**
   * Seals one message per delivery into the recipients' queues. To be called inside a commit unit's `effects`, once,
   * so that the order in all queues is the order of acceptance. Throws Problem `queue.full`.
   */
  enqueue(view: View, deliveries: readonly Delivery[]): Enqueued
}

export interface Recipient {
  /** Encoded ClientQueueConfig. */
  readonly config: Uint8Array
  readonly ticket: Uint8Array | undefined
}

export type Resolution =
  | { readonly kind: "queue"; readonly queue: QueueHandle; readonly newTicket: Uint8Array | undefined }
  /** The config does not open, is badly signed, or its queue is gone. */
  | { readonly kind: "dead" }

declare const queueHandle: unique symbol
/** Opaque to the DS. */
export type QueueHandle = { readonly [queueHandle]: true }

export interface Delivery {
  readonly queue: QueueHandle
  /** Encoded QueueMessage. */
  readonly message: Uint8Array
}

/** To be returned, or called, by the unit that asked for it. */
export interface Enqueued {
  readonly effects: readonly Effect[]
  committed(): void
  failed(): void
}
