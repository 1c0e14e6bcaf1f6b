import { ChainReader } from "../../src/crypto/chain.ts"
import { seal } from "../../src/crypto/hpke.ts"
import { labels } from "../../src/crypto/labels.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { signLabeled } from "../../src/crypto/signature.ts"
import type { Fanout } from "../../src/fanout.ts"
import { createQs, type Qs } from "../../src/qs/service.ts"
import { queues } from "../../src/qs/tables.ts"
import { QueueEngine } from "../../src/queue/engine.ts"
import { startsOf } from "../../src/queue/slots.ts"
import { remove } from "../../src/store/database.ts"
import { localWakeups } from "../../src/store/wakeups.ts"
import { toHex, utf8 } from "../../src/wire/bytes.ts"
import { encodeClientQueueConfig, encodeQueueConfig, queueConfigTbs } from "../../src/wire/queue-config.ts"
import type { OpenedVeil } from "../veil/opened.ts"
import { DOMAIN, type Queues } from "./world.ts"

interface Owner {
  readonly client: Uint8Array
  readonly authSeed: Uint8Array
  readonly queueSecretKey: Uint8Array
  /** The chains found so far, by id, with their months. */
  readonly chains: Map<string, { readonly reader: ChainReader; readonly month: number }>
}

/** The queuing service itself, in the same database as the groups. */
export class RealQueues implements Queues {
  readonly #secrets = {
    configSecretKeys: [nativeCrypto.random(32)],
    ticketKey: nativeCrypto.random(32),
    signingSeed: nativeCrypto.random(32),
    pushSeed: nativeCrypto.random(32),
  }
  readonly #now: () => number
  readonly #owners = new Map<string, Owner>()
  #store!: OpenedVeil
  #engine!: QueueEngine
  #qs!: Qs

  constructor(now: () => number) {
    this.#now = now
  }

  open(store: OpenedVeil): Fanout {
    const common = { crypto: nativeCrypto, store, now: this.#now }
    const tables = { queues, poolPrefix: "qs_pool" }
    this.#store = store
    this.#engine = new QueueEngine({
      ...common,
      ...tables,
      slotKeys: [nativeCrypto.random(32)],
      wakeups: localWakeups(),
    })
    this.#qs = createQs({
      ...common,
      engine: this.#engine,
      secrets: this.#secrets,
      domain: DOMAIN,
      retentionMonths: 3,
      outgoing: { allowPrivate: false },
    })
    return this.#qs.fanout
  }

  async register(name: string): Promise<void> {
    const authSeed = nativeCrypto.random(32)
    const queueSecretKey = nativeCrypto.random(32)
    const { client } = await this.#qs.handlers.createUser({
      userAuthKey: nativeCrypto.ed25519Public(nativeCrypto.random(32)),
      friendshipTokenHash: nativeCrypto.random(32),
      clientAuthKey: nativeCrypto.ed25519Public(authSeed),
      queueKey: nativeCrypto.x25519Public(queueSecretKey),
    })
    this.#owners.set(name, { client, authSeed, queueSecretKey, chains: new Map() })
  }

  /** The queue is gone, as after its client was deleted. */
  async drop(name: string): Promise<void> {
    const { client: id } = this.#owner(name)
    await this.#store.writer.submit({ expects: [], effects: () => [remove(queues, { id })] })
  }

  queueConfig(name: string, domain: string): Uint8Array {
    const { client, authSeed } = this.#owner(name)
    const plaintext = encodeQueueConfig({ client, pushTokenKey: undefined })
    const configKey = nativeCrypto.x25519Public(this.#secrets.configSecretKeys[0] as Uint8Array)
    const sealed = seal(nativeCrypto, configKey, labels.queueConfig, utf8(domain), plaintext)
    const tbs = queueConfigTbs({ domain, sealed })
    const signature = signLabeled(nativeCrypto, authSeed, labels.queueConfigSignature, tbs)
    return encodeClientQueueConfig({ domain, sealed, signature })
  }

  take(name: string): Uint8Array[] {
    const owner = this.#owner(name)
    const row = this.#store.get(queues, { id: owner.client })
    if (row === undefined) throw new Error("no queue")
    const messages: Uint8Array[] = []
    for (const start of startsOf(row)) {
      const opened = ChainReader.open(nativeCrypto, owner.queueSecretKey, start)
      if (opened === undefined) continue
      const id = toHex(opened.reader.id)
      const chain = owner.chains.get(id) ?? opened
      owner.chains.set(id, chain)
      messages.push(...this.#read(chain))
    }
    return messages
  }

  #read({ reader, month }: { reader: ChainReader; month: number }): Uint8Array[] {
    const messages: Uint8Array[] = []
    for (;;) {
      const cursor = { chain: reader.id, address: reader.address, month, next: reader.nextIndex }
      const [found] = this.#engine.read([cursor], 1)
      if (found === undefined) return messages
      const message = reader.push(found.index, found.entry)
      if (message !== undefined) messages.push(message)
    }
  }

  #owner(name: string): Owner {
    const owner = this.#owners.get(name)
    if (owner === undefined) throw new Error("not registered")
    return owner
  }
}
