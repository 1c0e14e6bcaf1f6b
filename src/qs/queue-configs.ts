import { open as hpkeOpen } from "../crypto/hpke.ts"
import { labels } from "../crypto/labels.ts"
import { CryptoError, type CryptoProvider } from "../crypto/provider.ts"
import { verifyLabeled } from "../crypto/signature.ts"
import { wipe } from "../crypto/wipe.ts"
import { FORMAT_VERSION } from "../limits.ts"
import type { Reader } from "../store/database.ts"
import { concat, utf8 } from "../wire/bytes.ts"
import {
  type ClientQueueConfig,
  decodeClientQueueConfig,
  decodeQueueConfig,
  encodeQueueConfig,
  type QueueConfig,
  queueConfigTbs,
} from "../wire/queue-config.ts"
import { CodecError } from "../wire/tls.ts"
import { decodeClientState } from "./client-state.ts"
import { type ClientRow, clients } from "./tables.ts"

const NONCE_BYTES = 12
const VERSION = Uint8Array.of(FORMAT_VERSION)

export interface QueueConfigKeys {
  /** X25519, in the order of their making; clients seal their queue configs to the last one's public key. */
  readonly configSecretKeys: readonly Uint8Array[]
  /** AES-256; for tickets. Rotating it makes all tickets useless, which costs nothing but time. */
  readonly ticketKey: Uint8Array
}

/**
 * Opens what the DS keeps for each member: queue configs, sealed by clients, and tickets, sealed by the QS itself.
 *
 *     ticket = u8 version || nonce[12] || AES-256-GCM(ticket key, nonce, aad "Cinder 1 ticket", QueueConfig)
 */
export class QueueConfigs {
  readonly #crypto: CryptoProvider
  readonly #store: Reader
  readonly #keys: QueueConfigKeys
  readonly #domain: string

  constructor(crypto: CryptoProvider, store: Reader, keys: QueueConfigKeys, domain: string) {
    this.#crypto = crypto
    this.#store = store
    this.#keys = keys
    this.#domain = domain
  }

  /**
   * The push token key in it is the caller's to wipe. Undefined: it is malformed, of another domain, does not open, or is
   * not signed by a client that exists, with its key or one that it had before.
   */
  open(encoded: Uint8Array): QueueConfig | undefined {
    return this.#refusing(() => {
      const sealed = decodeClientQueueConfig(encoded)
      if (sealed.domain !== this.#domain) return undefined
      const config = this.#decode(this.#unseal(sealed))
      const client = this.#store.get(clients, { id: config.client })
      if (client !== undefined && this.#isSignedBy(client, sealed)) return config
      wipe(config.pushTokenKey)
      return undefined
    })
  }

  #isSignedBy(client: ClientRow, sealed: ClientQueueConfig): boolean {
    const signed = queueConfigTbs(sealed)
    const verifies = (key: Uint8Array) =>
      verifyLabeled(this.#crypto, key, labels.queueConfigSignature, signed, sealed.signature)
    return verifies(client.auth_key) || decodeClientState(client.state).earlierAuthKeys.some(verifies)
  }

  #decode(plaintext: Uint8Array): QueueConfig {
    try {
      return decodeQueueConfig(plaintext)
    } finally {
      wipe(plaintext)
    }
  }

  ticketFor(config: QueueConfig): Uint8Array {
    const nonce = this.#crypto.random(NONCE_BYTES)
    const plaintext = encodeQueueConfig(config)
    const sealed = this.#crypto.aesGcmSeal(this.#keys.ticketKey, nonce, labels.ticket, plaintext)
    wipe(plaintext)
    return concat(VERSION, nonce, sealed)
  }

  /** The push token key in it is the caller's to wipe. Undefined: it is no ticket of the current key. */
  openTicket(ticket: Uint8Array): QueueConfig | undefined {
    if (ticket[0] !== FORMAT_VERSION) return undefined
    return this.#refusing(() => {
      const nonce = ticket.subarray(1, 1 + NONCE_BYTES)
      const sealed = ticket.subarray(1 + NONCE_BYTES)
      return this.#decode(this.#crypto.aesGcmOpen(this.#keys.ticketKey, nonce, labels.ticket, sealed))
    })
  }

  /** @throws CryptoError none of the keys opens it */
  #unseal({ domain, sealed }: ClientQueueConfig): Uint8Array {
    for (const key of this.#keys.configSecretKeys.toReversed()) {
      try {
        return hpkeOpen(this.#crypto, key, labels.queueConfig, utf8(domain), sealed)
      } catch (error) {
        if (!(error instanceof CryptoError)) throw error
      }
    }
    throw new CryptoError("queue config")
  }

  #refusing(open: () => QueueConfig | undefined): QueueConfig | undefined {
    try {
      return open()
    } catch (error) {
      if (error instanceof CodecError || error instanceof CryptoError) return undefined
      throw error
    }
  }
}
