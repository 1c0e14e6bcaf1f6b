import { wipe } from "../crypto/wipe.ts"
import { PUSH_ENDPOINT_BYTES_MAX } from "../limits.ts"
import { utf8 } from "../wire/bytes.ts"
import { sealPushToken } from "../wire/push-token.ts"
import { qs } from "../wire/qs.ts"
import type { ClientContext } from "./context.ts"
import { ClientError } from "./errors.ts"
import { Lock } from "./lock.ts"
import { at, change, load } from "./record-store.ts"
import { PushSubscription } from "./records.ts"
import { queueSigner } from "./signers.ts"

/** A browser's `PushSubscription`, or its `toJSON()`. Pushes are empty, so that its keys are not needed. */
export interface PushTarget {
  /** The URL to which a push is sent, at most {@link PUSH_ENDPOINT_BYTES_MAX} characters. */
  readonly endpoint?: string | undefined
}

/** Where pushes for this client go. The server keeps that sealed, under a key which comes with each message. */
export class Push {
  readonly #context: ClientContext
  readonly #lock = new Lock()

  constructor(context: ClientContext) {
    this.#context = context
  }

  /** It is stored before it is sent: {@link resume} sends what a crash held up. */
  subscribe(target: PushTarget | null): Promise<void> {
    const { account, crypto } = this.#context
    const endpoint = target === null ? undefined : endpointOf(target)
    return this.#lock.run(async () => {
      const token = endpoint === undefined ? null : sealPushToken(crypto, account.pushTokenKey, endpoint)
      wipe(endpoint)
      await this.#keep(token, false)
      await this.#send()
    })
  }

  resume(): Promise<void> {
    return this.#lock.run(() => this.#send())
  }

  /** The server's key for RFC 8292, P-256, uncompressed. */
  async key(): Promise<Uint8Array<ArrayBuffer>> {
    const { pushKey } = await this.#context.transport.call(qs.publicKeys, {})
    return pushKey.slice()
  }

  async #send(): Promise<void> {
    const { account, crypto, store, transport } = this.#context
    const stored = await load(store, PushSubscription, at.push)
    if (stored === undefined || stored.sent) return
    const params = {
      clientAuthKey: crypto.ed25519Public(account.qsClientSeed),
      queueKey: crypto.x25519Public(account.queueKey),
      pushToken: stored.token,
    }
    await transport.call(qs.updateClient, params, queueSigner(account))
    await this.#keep(stored.token, true)
  }

  async #keep(token: Uint8Array | null, sent: boolean): Promise<void> {
    await this.#context.store.transaction([change(PushSubscription, at.push, { token, sent })])
  }
}

/** What the QS would take for one; else it would only forget it. */
function endpointOf({ endpoint = "" }: PushTarget): Uint8Array {
  const isUrl = /^https:\/\/[^/?#]+\/[\x21-\x22\x24-\x7e]*$/.test(endpoint)
  if (!isUrl || endpoint.length > PUSH_ENDPOINT_BYTES_MAX) {
    throw new ClientError("client.invalid-push-endpoint")
  }
  return utf8(endpoint)
}
