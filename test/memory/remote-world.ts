import type { Static } from "@sinclair/typebox"
import { ChainReader } from "../../src/crypto/chain.ts"
import { seal } from "../../src/crypto/hpke.ts"
import { labels } from "../../src/crypto/labels.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { signLabeled } from "../../src/crypto/signature.ts"
import { CHAIN_SLOTS, DEQUEUE_ENTRIES_MAX } from "../../src/limits.ts"
import { toHex, utf8 } from "../../src/wire/bytes.ts"
import { decodeBody, encodeBody } from "../../src/wire/cbor.ts"
import { ds } from "../../src/wire/ds.ts"
import type { Endpoint, Params, Result } from "../../src/wire/endpoint.ts"
import { qs } from "../../src/wire/qs.ts"
import { type ChainCursor, STREAM_PATH } from "../../src/wire/queue.ts"
import { encodeClientQueueConfig, encodeQueueConfig, queueConfigTbs } from "../../src/wire/queue-config.ts"
import { decodeQueueMessage, type QueueMessage } from "../../src/wire/queue-message.ts"
import type { CircleWorld } from "../ds/circle.ts"
import type { SignedOperation, Signer } from "../ds/world.ts"
import { post, signedBody } from "../http/fixture.ts"

export const DOMAIN = "example.org"

/** A QS client with all that it keeps to itself. */
export interface Owner {
  readonly user: Uint8Array
  readonly userSeed: Uint8Array
  readonly id: Uint8Array
  readonly seed: Uint8Array
  readonly queueSecretKey: Uint8Array
  readonly chains: Map<string, { readonly reader: ChainReader; readonly month: number }>
}

/** A running server as members of groups see it: every call is a request over a socket of its own. */
export class RemoteWorld implements CircleWorld {
  readonly #url: string
  #configKey: Uint8Array = new Uint8Array(0)
  /** How many requests were answered. */
  requests = 0
  readonly #owners = new Map<string, Owner>()

  private constructor(url: string) {
    this.#url = url
  }

  static async visit(url: string): Promise<RemoteWorld> {
    const world = new RemoteWorld(url)
    const { configKey } = await world.#request(qs.publicKeys, encodeBody({}))
    world.#configKey = configKey
    return world
  }

  get now(): number {
    return Date.now()
  }

  get lifetime(): { notBefore: bigint; notAfter: bigint } {
    const now = BigInt(Math.floor(Date.now() / 1000))
    return { notBefore: now - 3600n, notAfter: now + 90n * 86_400n }
  }

  /** Gives a name a QS client with a queue; names stand for one client each. */
  async register(name: string): Promise<Owner> {
    const own = { userSeed: crypto.random(32), seed: crypto.random(32), queueSecretKey: crypto.random(32) }
    const { user, client } = await this.#request(
      qs.createUser,
      encodeBody({
        userAuthKey: crypto.ed25519Public(own.userSeed),
        friendshipTokenHash: crypto.random(32),
        clientAuthKey: crypto.ed25519Public(own.seed),
        queueKey: crypto.x25519Public(own.queueSecretKey),
      }),
    )
    const ids = { id: client.slice(), user: user.slice() }
    const owner = { ...own, ...ids, chains: new Map() }
    this.#owners.set(name, owner)
    return owner
  }

  owner(name: string): Owner {
    const owner = this.#owners.get(name)
    if (owner === undefined) throw new Error(`${name} is not registered`)
    return owner
  }

  queueConfig(name: string, domain = DOMAIN, pushTokenKey?: Uint8Array): Uint8Array {
    const { id: client, seed } = this.owner(name)
    const plaintext = encodeQueueConfig({ client, pushTokenKey })
    const sealed = seal(crypto, this.#configKey, labels.queueConfig, utf8(domain), plaintext)
    const tbs = queueConfigTbs({ domain, sealed })
    const signature = signLabeled(crypto, seed, labels.queueConfigSignature, tbs)
    return encodeClientQueueConfig({ domain, sealed, signature })
  }

  async ask<K extends keyof typeof ds>(
    name: K,
    params: Params<(typeof ds)[K]>,
  ): Promise<Result<(typeof ds)[K]>> {
    return await this.#request(ds[name], encodeBody(params))
  }

  async call<K extends SignedOperation>(
    name: K,
    signer: Signer,
    params: Params<(typeof ds)[K]>,
  ): Promise<Result<(typeof ds)[K]>> {
    return await this.signed(ds[name], signer, params)
  }

  /** A request that nobody signs. */
  async unsigned<E extends Endpoint>(endpoint: E, params: Params<E>): Promise<Result<E>> {
    return await this.#request(endpoint, encodeBody(params))
  }

  /** Reads these chains in a stream until the server has nothing more of them, and ends it. */
  async stream({ id, seed }: Owner, chains: readonly Static<typeof ChainCursor>[]): Promise<void> {
    const socket = new WebSocket(`${this.#url.replace("http:", "ws:")}${STREAM_PATH}`)
    socket.binaryType = "arraybuffer"
    const next = (event: "open" | "close") =>
      new Promise((resolve) => socket.addEventListener(event, resolve, { once: true }))
    const frame = (type: string) =>
      new Promise<void>((resolve) => {
        socket.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer>) => {
          if ((decodeBody(new Uint8Array(data)) as { type: string }).type === type) resolve()
        })
      })
    const [starts, empty, closed] = [frame("starts"), frame("empty"), next("close")]
    await next("open")
    const sender = { kind: "qs-client", id } as const
    socket.send(Uint8Array.from(signedBody({}, { method: "GET", path: STREAM_PATH, sender, seed })))
    await starts
    socket.send(Uint8Array.from(encodeBody({ type: "read", chains })))
    await empty
    socket.close()
    await closed
    this.requests++
  }

  /** Gives the owner's user one more client. */
  async addClient({ user, userSeed }: Owner, pushToken: Uint8Array): Promise<void> {
    const signer = { sender: { kind: "qs-user", id: user }, seed: userSeed } as const
    await this.signed(qs.createClient, signer, { ...newKeys(), pushToken })
  }

  async updateClient(owner: Owner, pushToken: Uint8Array): Promise<void> {
    const clientAuthKey = crypto.ed25519Public(owner.seed)
    const queueKey = crypto.x25519Public(owner.queueSecretKey)
    await this.byOwner(qs.updateClient, owner, { clientAuthKey, queueKey, pushToken })
  }

  /** A request by a QS client. */
  async signed<E extends Endpoint>(
    endpoint: E,
    { sender, seed }: Signer,
    params: Params<E>,
  ): Promise<Result<E>> {
    const { path } = endpoint
    return await this.#request(endpoint, signedBody(params, { path, sender, seed }))
  }

  async byOwner<E extends Endpoint>(endpoint: E, { id, seed }: Owner, params: Params<E>): Promise<Result<E>> {
    return await this.signed(endpoint, { sender: { kind: "qs-client", id }, seed }, params)
  }

  /** Reads a queue to its end. */
  async take(name: string): Promise<QueueMessage[]> {
    const owner = this.owner(name)
    const nothing = { acknowledge: [], usedUp: [], read: [], max: 0 }
    const { starts } = await this.byOwner(qs.dequeue, owner, nothing)
    for (const slot of starts.slice(-CHAIN_SLOTS)) {
      const opened = ChainReader.open(crypto, owner.queueSecretKey, slot)
      if (opened !== undefined && !owner.chains.has(toHex(opened.reader.id)))
        owner.chains.set(toHex(opened.reader.id), opened)
    }
    const messages: QueueMessage[] = []
    for (const { reader, month } of owner.chains.values()) {
      const cursor = { chain: reader.id, address: reader.address, month, next: reader.nextIndex }
      const asked = { ...nothing, read: [cursor], max: DEQUEUE_ENTRIES_MAX }
      for (const { index, entry } of (await this.byOwner(qs.dequeue, owner, asked)).entries) {
        const message = reader.push(index, entry)
        if (message !== undefined) messages.push(decodeQueueMessage(message))
      }
    }
    return messages
  }

  async #request<E extends Endpoint>(endpoint: E, body: Uint8Array): Promise<Result<E>> {
    const answer = await post(this.#url, endpoint.path, body)
    this.requests++
    if (answer.code !== "ok") throw new Error(`${endpoint.name}: ${answer.code}`)
    return decodeBody(answer.body) as Result<E>
  }
}

function newKeys() {
  return {
    clientAuthKey: crypto.ed25519Public(crypto.random(32)),
    queueKey: crypto.x25519Public(crypto.random(32)),
  }
}
