import { freshQueueConfig } from "../../../src/client/leaves.ts"
import { memoryStore } from "../../../src/client/store.ts"
import { QueueStream } from "../../../src/client/stream.ts"
import type { Transport } from "../../../src/client/transport.ts"
import { nativeCrypto as crypto } from "../../../src/crypto/native.ts"
import { OpaqueClient } from "../../../src/crypto/opaque/client.ts"
import { CLIENT_CREDENTIAL_SECONDS } from "../../../src/limits.ts"
import { makeAliasPackage } from "../../../src/wire/alias-package.ts"
import { as } from "../../../src/wire/as.ts"
import { toHex } from "../../../src/wire/bytes.ts"
import { makeConnectionPackage } from "../../../src/wire/connection.ts"
import { lifetime, makeClientCsr } from "../../../src/wire/credentials.ts"
import { ENCRYPTED_CREDENTIAL_BYTES } from "../../../src/wire/encrypted-credential.ts"
import { qs } from "../../../src/wire/qs.ts"
import { LAST_RESORT_EXTENSION_TYPE, QUEUE_CONFIG_EXTENSION_TYPE } from "../../../src/wire/queue-config.ts"
import { keyPackageWith } from "../../qs/key-package.ts"
import { DOMAIN } from "./server.ts"

/** As many as the client library publishes, of each kind. */
const PACKAGES = 16
const REQUEST_BYTES = 2500

interface QueueIdentity {
  readonly user: Uint8Array
  readonly client: Uint8Array
  readonly configKey: Uint8Array
}

/** Somebody with an account, a queue and perhaps an alias, who makes the requests that the client library makes. */
export class Resident {
  readonly clientId = crypto.random(32)
  readonly aliasHash = crypto.random(32)
  readonly queueSecretKey = crypto.random(32)
  /** How many entries ever came into the queue, at most. */
  entriesMax = 0
  readonly #url: string
  readonly #transport: Transport
  readonly #seed = crypto.random(32)
  readonly #aliasSeed = crypto.random(32)
  readonly #queueSeed = crypto.random(32)
  readonly #queueUserSeed = crypto.random(32)
  readonly #pushTokenKey = crypto.random(32)
  readonly #store = memoryStore()
  #queue: QueueIdentity | undefined
  #session: { readonly end: AbortController; readonly ended: Promise<void> } | undefined

  constructor(url: string, transport: Transport) {
    this.#url = url
    this.#transport = transport
  }

  get userId(): string {
    return toHex(this.clientId.subarray(0, 16))
  }

  get queue(): QueueIdentity {
    if (this.#queue === undefined) throw new Error("no queue yet")
    return this.#queue
  }

  get isOnline(): boolean {
    return this.#session !== undefined
  }

  /** At the AS. */
  async register(): Promise<void> {
    const transport = this.#transport
    const opaque = this.#opaque()
    const registration = opaque.startRegistration()
    const { credential, opaqueResponse } = await transport.call(as.initRegistration, {
      csr: makeClientCsr(crypto, this.#seed, this.clientId, DOMAIN),
      opaqueRequest: registration.request,
      invitation: null,
    })
    const login = opaque.startLogin()
    const record = registration.finish(opaqueResponse)
    const { ke2 } = await transport.call(as.startRegistrationLogin, { record, ke1: login.ke1 }, this.#atTheAs)
    const ke3 = login.finish(ke2)
    if (ke3 === undefined) throw new Error("the password does not fit")
    const connectionPackages = Array.from({ length: PACKAGES }, () =>
      makeConnectionPackage(crypto, this.#seed, credential, somePublicKey(), transport.now()),
    )
    const finish = { ke3, queueKey: somePublicKey(), connectionPackages }
    await transport.call(as.finishRegistration, finish, this.#atTheAs)
  }

  /** At the QS. */
  async openQueue(): Promise<void> {
    const transport = this.#transport
    const { configKey } = await transport.call(qs.publicKeys, {})
    const { user, client } = await transport.call(qs.createUser, {
      userAuthKey: crypto.ed25519Public(this.#queueUserSeed),
      friendshipTokenHash: crypto.random(32),
      clientAuthKey: crypto.ed25519Public(this.#queueSeed),
      queueKey: crypto.x25519Public(this.queueSecretKey),
    })
    this.#queue = { user: user.slice(), client: client.slice(), configKey: configKey.slice() }
    const { notBefore, notAfter } = lifetime(transport.now(), CLIENT_CREDENTIAL_SECONDS)
    const addPackages = Array.from({ length: PACKAGES }, (_, index) => {
      const extensions = [{ type: QUEUE_CONFIG_EXTENSION_TYPE, data: this.queueConfig() }]
      if (index === 0) extensions.push({ type: LAST_RESORT_EXTENSION_TYPE, data: new Uint8Array(0) })
      return {
        keyPackage: keyPackageWith(notBefore + 10, { extensions, notAfter }),
        encryptedCredential: crypto.random(ENCRYPTED_CREDENTIAL_BYTES),
      }
    })
    await transport.call(qs.publishAddPackages, { addPackages }, this.#atTheQs)
  }

  async registerAlias(): Promise<void> {
    const connectionPackages = Array.from({ length: PACKAGES }, () =>
      makeAliasPackage(crypto, this.aliasHash, this.#aliasSeed, somePublicKey(), this.#transport.now()),
    )
    const keys = { authKey: crypto.ed25519Public(this.#aliasSeed), queueKey: somePublicKey() }
    await this.#transport.call(as.registerAlias, { ...keys, connectionPackages }, this.#asTheAlias)
  }

  async deleteAlias(): Promise<void> {
    await this.#transport.call(as.deleteAlias, {}, this.#asTheAlias)
  }

  /** At the AS and the QS. */
  async deleteAccount(): Promise<void> {
    const login = this.#opaque().startLogin()
    const { ke2 } = await this.#transport.call(as.startLogin, { ke1: login.ke1 }, this.#atTheAs)
    const ke3 = login.finish(ke2)
    if (ke3 === undefined) throw new Error("the password does not fit")
    await this.#transport.call(as.deleteAccount, { ke3 }, this.#atTheAs)
    const signer = { sender: { kind: "qs-user", id: this.queue.user }, seed: this.#queueUserSeed } as const
    await this.#transport.call(qs.deleteUser, {}, signer)
  }

  /** What the server's files hold of this person, and must not when the account is gone. */
  get traces(): readonly Uint8Array[] {
    const publicKeys = [this.#seed, this.#aliasSeed, this.#queueSeed, this.#queueUserSeed].map(
      crypto.ed25519Public,
    )
    const ids = [this.clientId.subarray(0, 16), this.clientId.subarray(16), this.aliasHash]
    const { user, client } = this.queue
    return [...ids, user, client, ...publicKeys, crypto.x25519Public(this.queueSecretKey)]
  }

  /** A connection request to somebody, by user id or by alias. */
  async ask(whom: Resident, byAlias: boolean): Promise<void> {
    const message = crypto.random(REQUEST_BYTES)
    if (byAlias) {
      await this.#transport.call(as.claimAliasConnectionPackage, { alias: whom.aliasHash })
      await this.#transport.call(as.enqueueAlias, { alias: whom.aliasHash, message })
    } else {
      await this.#transport.call(as.claimConnectionPackage, { user: whom.clientId.subarray(0, 16) })
      await this.#transport.call(as.enqueue, { client: whom.clientId, message })
    }
  }

  queueConfig(): Uint8Array {
    const keys = { qsClientSeed: this.#queueSeed, pushTokenKey: this.#pushTokenKey }
    return freshQueueConfig(crypto, { domain: DOMAIN, qs: this.queue, ...keys })
  }

  /** Opens a stream, and resolves when everything that was queued has come. */
  async comeOnline(): Promise<void> {
    if (this.#session !== undefined) return
    const end = new AbortController()
    await new Promise<void>((resolve) => {
      const stream = new QueueStream({
        ...{ url: this.#url, crypto, transport: this.#transport, signer: this.#atTheQs, store: this.#store },
        queueSecretKey: this.queueSecretKey,
        stateKey: "queue",
        signal: end.signal,
        deliver: (_, progress) => this.#store.transaction([progress]),
        onLive: (live) => live && resolve(),
        webSocket: (url) => new WebSocket(url),
      })
      this.#session = { end, ended: stream.run() }
    })
  }

  async goOffline(): Promise<void> {
    this.#session?.end.abort()
    await this.#session?.ended
    this.#session = undefined
  }

  #opaque(): OpaqueClient {
    return new OpaqueClient({ user: this.clientId.subarray(0, 16), domain: DOMAIN }, "", "minimal")
  }

  get #atTheAs() {
    return { sender: { kind: "client", id: this.clientId }, seed: this.#seed } as const
  }

  get #asTheAlias() {
    return { sender: { kind: "alias", id: this.aliasHash }, seed: this.#aliasSeed } as const
  }

  get #atTheQs() {
    return { sender: { kind: "qs-client", id: this.queue.client }, seed: this.#queueSeed } as const
  }
}

function somePublicKey(): Uint8Array {
  return crypto.x25519Public(crypto.random(32))
}
