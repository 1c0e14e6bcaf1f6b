import { CryptoError, type CryptoProvider } from "../../crypto/provider.ts"
import { wipe } from "../../crypto/wipe.ts"
import type { QueueEngine } from "../../queue/engine.ts"
import { put, type Store } from "../../store/database.ts"
import { equal } from "../../wire/bytes.ts"
import { openPushToken } from "../../wire/push-token.ts"
import { CodecError } from "../../wire/tls.ts"
import { decodeClientState, encodeClientState } from "../client-state.ts"
import type { QueueConfigs } from "../queue-configs.ts"
import { clients } from "../tables.ts"
import { type PushPace, PushScheduler } from "./scheduler.ts"
import type { PushOutcome, WebPush } from "./web-push.ts"

export interface PushesOptions {
  readonly crypto: CryptoProvider
  readonly store: Store
  readonly engine: QueueEngine
  readonly configs: QueueConfigs
  readonly webPush: WebPush
  readonly pace: PushPace
}

/**
 * Wakes clients that are away (docs/protocol.md section 6.3). The token in a client's record is sealed under a key that the
 * server does not have but in the queue configs that clients give to their groups: it is opened when a push is due, with the
 * key in the ticket of the message, and token and key are overwritten when the push is sent. Nothing of it is logged.
 */
export class Pushes {
  readonly #options: PushesOptions
  readonly #scheduler: PushScheduler

  constructor(options: PushesOptions) {
    this.#options = options
    const { engine, pace } = options
    this.#scheduler = new PushScheduler({
      pace,
      push: (client, ticket) => this.#push(client, ticket).catch(() => "failed"),
      isStreaming: (client) => engine.isStreaming(client),
    })
  }

  /** A message was committed to the client's queue. `ticket`: one that has the key of its push token. */
  wake(client: Uint8Array, ticket: Uint8Array): void {
    if (!this.#options.engine.isStreaming(client)) this.#scheduler.wake(client, ticket)
  }

  /** The client is there. */
  seen(client: Uint8Array): void {
    this.#scheduler.seen(client)
  }

  stop(): void {
    this.#scheduler.stop()
  }

  async #push(client: Uint8Array, ticket: Uint8Array): Promise<PushOutcome> {
    const { store, webPush } = this.#options
    const row = store.get(clients, { id: client })
    const token = row === undefined ? undefined : decodeClientState(row.state).pushToken
    const endpoint = token === undefined ? undefined : this.#open(token, ticket)
    if (token === undefined || endpoint === undefined) return "refused"
    try {
      const outcome = await webPush.send(endpoint)
      if (outcome === "gone") await this.#forget(client, token)
      return outcome
    } finally {
      wipe(endpoint)
    }
  }

  /** Undefined: the ticket, or the key in it, is not one that the token opens with. */
  #open(token: Uint8Array, ticket: Uint8Array): Uint8Array | undefined {
    const key = this.#options.configs.openTicket(ticket)?.pushTokenKey
    if (key === undefined) return undefined
    try {
      return openPushToken(this.#options.crypto, key, token)
    } catch (error) {
      if (error instanceof CryptoError || error instanceof CodecError) return undefined
      throw error
    } finally {
      wipe(key)
    }
  }

  /** Durably, unless the client has given another one meanwhile. */
  async #forget(id: Uint8Array, dead: Uint8Array): Promise<void> {
    const { store } = this.#options
    await store.writer.submit({
      expects: [],
      effects: (view) => {
        const row = view.get(clients, { id })
        const state = row === undefined ? undefined : decodeClientState(row.state)
        if (row === undefined || state?.pushToken === undefined || !equal(state.pushToken, dead)) return []
        return [put(clients, { ...row, state: encodeClientState({ ...state, pushToken: undefined }) })]
      },
    })
  }
}
