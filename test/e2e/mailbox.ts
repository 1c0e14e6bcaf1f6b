import { freshQueueConfig } from "../../src/client/leaves.ts"
import { type ChainPosition, QueueReader } from "../../src/client/queue-reader.ts"
import type { Signer, Transport } from "../../src/client/transport.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { equal } from "../../src/wire/bytes.ts"
import { qs } from "../../src/wire/qs.ts"
import { decodeQueueMessage, type QueueMessage } from "../../src/wire/queue-message.ts"
import { DOMAIN } from "./homeserver.ts"

const ENTRIES_PER_REQUEST = 512

interface QueueIdentity {
  readonly user: Uint8Array
  readonly client: Uint8Array
  readonly configKey: Uint8Array
}

/** A queue of the server's and its owner, who reads it without a stream. */
export class Mailbox {
  readonly #transport: Transport
  readonly #identity: QueueIdentity
  readonly #seed: Uint8Array
  readonly #reader: QueueReader

  private constructor(
    transport: Transport,
    identity: QueueIdentity,
    seed: Uint8Array,
    queueSecretKey: Uint8Array,
  ) {
    this.#transport = transport
    this.#identity = identity
    this.#seed = seed
    this.#reader = new QueueReader(crypto, queueSecretKey, undefined)
  }

  static async create(transport: Transport): Promise<Mailbox> {
    const [seed, queueSecretKey] = [crypto.random(32), crypto.random(32)]
    const { configKey } = await transport.call(qs.publicKeys, {})
    const { user, client } = await transport.call(qs.createUser, {
      userAuthKey: crypto.ed25519Public(crypto.random(32)),
      friendshipTokenHash: crypto.random(32),
      clientAuthKey: crypto.ed25519Public(seed),
      queueKey: crypto.x25519Public(queueSecretKey),
    })
    return new Mailbox(transport, { user, client, configKey }, seed, queueSecretKey)
  }

  queueConfig(): Uint8Array {
    const pushTokenKey = crypto.random(32)
    return freshQueueConfig(crypto, {
      domain: DOMAIN,
      qs: this.#identity,
      qsClientSeed: this.#seed,
      pushTokenKey,
    })
  }

  /** What has arrived since the last call, which acknowledges what came before. */
  async take(): Promise<QueueMessage[]> {
    const messages: QueueMessage[] = []
    for (;;) {
      const read = this.#reader.positions()
      const acknowledge = read.filter(({ next }) => next > 0).map(readThrough)
      const params = { acknowledge, usedUp: [], read, max: ENTRIES_PER_REQUEST }
      const { starts, entries } = await this.#transport.call(qs.dequeue, params, this.#signer)
      for (const { chain, index, entry } of entries) {
        const message = this.#reader.push(chain, index, entry)
        if (message !== undefined) messages.push(decodeQueueMessage(message))
      }
      this.#reader.takeStarts(starts)
      const isNew = ({ chain }: ChainPosition) => !read.some((known) => equal(known.chain, chain))
      if (entries.length === 0 && !this.#reader.positions().some(isNew)) return messages
    }
  }

  get #signer(): Signer {
    return { sender: { kind: "qs-client", id: this.#identity.client }, seed: this.#seed }
  }
}

function readThrough({ chain, address, month, next }: ChainPosition) {
  return { chain, address, month, through: next - 1 }
}
