import type { Static } from "@sinclair/typebox"
import type { CryptoProvider } from "../crypto/provider.ts"
import type { Fanout } from "../fanout.ts"
import { ADD_PACKAGES_MAX, ID_BYTES, KEY_BYTES } from "../limits.ts"
import type { QueueEngine } from "../queue/engine.ts"
import type { QueueStream, StreamSink } from "../queue/stream.ts"
import { claimLimits, Quota, type QuotaLimits } from "../quota.ts"
import { type Effect, expectPresent, type Store, type View } from "../store/database.ts"
import { equal } from "../wire/bytes.ts"
import type { Handlers, SignedCall, Verified } from "../wire/call.ts"
import type { Params, Result } from "../wire/endpoint.ts"
import { Problem } from "../wire/problem.ts"
import type { qs } from "../wire/qs.ts"
import type { StreamOpen } from "../wire/queue.ts"
import { decodeAddPackageBody, encodeAddPackageBody } from "./add-package-body.ts"
import { checkAddPackages } from "./add-package-rules.ts"
import { LocalFanout } from "./fanout.ts"
import { QueueConfigs } from "./queue-configs.ts"
import {
  clientsOf,
  lastResort,
  normalAddPackage,
  putUser,
  removeAddPackage,
  replaceAddPackages,
  userOfToken,
} from "./store.ts"
import { clients, queues, users } from "./tables.ts"

/** Long-lived secrets of the QS, 32 bytes each, from outside the data. */
export interface QsSecrets {
  /** X25519: opens queue configs. */
  readonly configSecretKey: Uint8Array
  /** AES-256: seals tickets. */
  readonly ticketKey: Uint8Array
  /** Ed25519 seed: will sign what goes to other servers. */
  readonly signingSeed: Uint8Array
}

export interface QsOptions {
  readonly crypto: CryptoProvider
  readonly store: Store
  /** The engine over the table {@link QUEUE_TABLE}. */
  readonly engine: QueueEngine
  readonly secrets: QsSecrets
  readonly domain: string
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly claimLimits?: QuotaLimits
}

/** The queuing service as its surroundings see it. */
export interface Qs {
  readonly handlers: Handlers<typeof qs>
  readonly fanout: Fanout
  /**
   * Verifies who opens a stream, and begins it.
   *
   * @throws Problem `auth.refused`, `auth.replayed`
   */
  openStream(call: SignedCall<Static<typeof StreamOpen>>, sink: StreamSink): QueueStream
}

export function createQs(options: QsOptions): Qs {
  const service = new QueuingService(options)
  return {
    handlers: {
      publicKeys: async () => service.publicKeys,
      createUser: (params) => service.createUser(params),
      publishAddPackages: (call) => service.publishAddPackages(call),
      claimAddPackages: (params) => service.claimAddPackages(params),
      dequeue: (call) => service.dequeue(call),
    },
    fanout: service.fanout,
    openStream: (call, sink) => service.openStream(call, sink),
  }
}

/** The rules of the queuing service (PROTOCOL.md section 6.3). */
class QueuingService {
  readonly publicKeys: Result<typeof qs.publicKeys>
  readonly fanout: Fanout
  readonly #crypto: CryptoProvider
  readonly #store: Store
  readonly #engine: QueueEngine
  readonly #configs: QueueConfigs
  readonly #now: () => number
  /** Claims that use AddPackages up, by friendship token. */
  readonly #claims: Quota
  /** Nobody's key: an unknown sender's signature is checked against it, so that it takes as long as a known one's. */
  readonly #dummyKey: Uint8Array

  constructor(options: QsOptions) {
    const { crypto, store, engine, secrets, domain, now } = options
    this.#crypto = crypto
    this.#store = store
    this.#engine = engine
    this.#configs = new QueueConfigs(crypto, store, secrets, domain)
    this.#now = now
    this.#claims = new Quota(crypto, now, options.claimLimits ?? claimLimits)
    this.#dummyKey = crypto.ed25519Public(crypto.random(KEY_BYTES))
    this.fanout = new LocalFanout(domain, engine, this.#configs)
    this.publicKeys = {
      configKey: crypto.x25519Public(secrets.configSecretKey),
      signingKey: crypto.ed25519Public(secrets.signingSeed),
    }
  }

  /** A repetition with the same keys, by a client that lost the answer, gets the same answer. */
  async createUser(params: Params<typeof qs.createUser>): Promise<Result<typeof qs.createUser>> {
    let result = { user: this.#crypto.random(ID_BYTES), client: this.#crypto.random(ID_BYTES) }
    const record = this.#engine.newRecord(result.client, params.queueKey)
    await this.#store.writer.submit({
      expects: [],
      effects: (view) => {
        const existing = userOfToken(view, params.friendshipTokenHash)
        if (existing === undefined) return [...this.#newUser(result, params), record]
        result = { user: existing, client: sameClient(view, existing, params) }
        return []
      },
    })
    return result
  }

  #newUser(
    { user, client }: { readonly user: Uint8Array; readonly client: Uint8Array },
    params: Params<typeof qs.createUser>,
  ): Effect[] {
    return putUser({
      user,
      userAuthKey: params.userAuthKey,
      tokenHash: params.friendshipTokenHash,
      client,
      clientAuthKey: params.clientAuthKey,
    })
  }

  async publishAddPackages(
    call: SignedCall<Params<typeof qs.publishAddPackages>>,
  ): Promise<Result<typeof qs.publishAddPackages>> {
    const { client, params } = this.#authenticate(call)
    const now = BigInt(Math.floor(this.#now() / 1000))
    const checked = await checkAddPackages(this.#crypto, this.#configs, client, params.addPackages, now)
    const rows = checked.map(({ content, lastResort }) => ({
      client_id: client,
      last_resort: lastResort ? 1 : 0,
      id: this.#crypto.random(ID_BYTES),
      body: encodeAddPackageBody(content),
    }))
    await this.#store.writer.submit({
      expects: [expectPresent(clients, { id: client })],
      effects: (view) => replaceAddPackages(view, client, rows, ADD_PACKAGES_MAX),
    })
    return {}
  }

  /**
   * The packages are chosen in the order of acceptance, among what earlier claims have left: so no two claims get the
   * same one, and none has to be repeated. When the token's claims have used up as many as they may for now, the
   * packages of last resort are handed out and the others kept.
   */
  async claimAddPackages({
    friendshipToken,
  }: Params<typeof qs.claimAddPackages>): Promise<Result<typeof qs.claimAddPackages>> {
    const tokenHash = this.#crypto.sha256(friendshipToken)
    const claimed: Result<typeof qs.claimAddPackages>["addPackages"] = []
    await this.#store.writer.submit({
      expects: [],
      effects: (view) => {
        const user = userOfToken(view, tokenHash)
        if (user === undefined) throw new Problem("qs.no-add-package")
        const mayConsume = this.#claims.take(tokenHash)
        const rows = clientsOf(view, user).flatMap((client) => {
          const normal = mayConsume
            ? normalAddPackage(view, client, this.#crypto.random(ID_BYTES))
            : undefined
          return normal ?? lastResort(view, client) ?? []
        })
        if (rows.length === 0) throw new Problem("qs.no-add-package")
        for (const { body } of rows) claimed.push(decodeAddPackageBody(body))
        return rows.filter(({ last_resort }) => last_resort === 0).map(removeAddPackage)
      },
    })
    return { addPackages: claimed }
  }

  async dequeue(call: SignedCall<Params<typeof qs.dequeue>>): Promise<Result<typeof qs.dequeue>> {
    const { client, params } = this.#authenticate(call)
    const result = await this.#engine.dequeue(client, params)
    if (result === undefined) throw new Problem("auth.refused")
    return result
  }

  openStream(call: SignedCall<Static<typeof StreamOpen>>, sink: StreamSink): QueueStream {
    const { client } = this.#authenticate(call)
    const stream = this.#engine.openStream(client, sink)
    if (stream === undefined) throw new Problem("auth.refused")
    return stream
  }

  /** @throws Problem `auth.refused`, the same for an unknown client and a bad signature; `auth.replayed` */
  #authenticate<P>(call: SignedCall<P>): { readonly client: Uint8Array; readonly params: Verified<P> } {
    if (call.sender.kind !== "qs-client") throw new Problem("auth.refused")
    const client = call.sender.id.slice()
    const known = this.#store.get(clients, { id: client })
    const params = call.verify(known?.auth_key ?? this.#dummyKey)
    if (known === undefined) throw new Problem("auth.refused")
    return { client, params }
  }
}

/** The client of a user that was registered with exactly these parameters. @throws Problem `qs.token-taken` */
function sameClient(view: View, user: Uint8Array, params: Params<typeof qs.createUser>): Uint8Array {
  const [client, ...others] = clientsOf(view, user)
  const registered = view.get(users, { id: user })
  if (client === undefined || registered === undefined || others.length > 0)
    throw new Problem("qs.token-taken")
  const authKey = view.get(clients, { id: client })?.auth_key
  const queueKey = view.get(queues, { id: client })?.queue_key
  const same =
    equal(registered.auth_key, params.userAuthKey) &&
    authKey !== undefined &&
    equal(authKey, params.clientAuthKey) &&
    queueKey !== undefined &&
    equal(queueKey, params.queueKey)
  if (!same) throw new Problem("qs.token-taken")
  return client
}
