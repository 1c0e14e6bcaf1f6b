import type { Static } from "@sinclair/typebox"
import { AliasRecord, type RegisteredAccount } from "../../../src/client/records.ts"
import { Transport } from "../../../src/client/transport.ts"
import { as } from "../../../src/wire/as.ts"
import type { Endpoint, Params, Sender } from "../../../src/wire/endpoint.ts"
import { qs } from "../../../src/wire/qs.ts"
import { Forger } from "../forger.ts"
import type { Homeserver } from "../homeserver.ts"
import { Interceptor } from "../interceptor.ts"
import { RememberingStore } from "../loot.ts"
import { Person } from "../person.ts"
import { type Identity, identity } from "./siege.ts"

/** Operations by hand, for what the client library does not call by itself. */
export function handTo(server: Homeserver, { crypto, fetch }: Interceptor): Transport {
  const { signal } = new AbortController()
  return new Transport({ url: server.url, crypto, signal, patienceMilliseconds: 30_000, fetch })
}

/** A client as the QS knows it. */
export type QueueOwner = Pick<RegisteredAccount, "qs" | "qsClientSeed" | "pushTokenKey">

export function queueOwnerOf(store: RememberingStore): QueueOwner {
  const { qs: queue, qsClientSeed, pushTokenKey } = store.account()
  if (queue === null) throw new Error("no queue")
  return { qs: queue, qsClientSeed, pushTokenKey }
}

/** Somebody else who is registered with an alias, and gone: all the keys, and what was sent with them. */
export class Neighbour {
  readonly store: RememberingStore
  readonly alias: Static<typeof AliasRecord>
  readonly #registered: Params<typeof as.finishRegistration>
  readonly #published: Params<typeof qs.publishAddPackages>

  private constructor(
    store: RememberingStore,
    registered: Params<typeof as.finishRegistration>,
    published: Params<typeof qs.publishAddPackages>,
  ) {
    this.store = store
    // The first record still has the packages.
    const [alias] = store.records(AliasRecord, "alias/")
    if (alias === undefined) throw new Error("no alias")
    this.alias = alias
    this.#registered = registered
    this.#published = published
  }

  /** `invitation`: where one is needed. */
  static async settle({ url }: Homeserver, invitation?: string): Promise<Neighbour> {
    const [client, store] = [new Interceptor(), new RememberingStore()]
    const sent = new Map<Endpoint, unknown>()
    const remembered = [as.finishRegistration, qs.publishAddPackages].map((endpoint) =>
      client.beforeNext(endpoint.path, async (request) => {
        sent.set(endpoint, new Forger(endpoint, request).claimed)
      }),
    )
    const invited = invitation === undefined ? {} : { invitation }
    const person = await Person.register({
      url,
      store,
      crypto: client.crypto,
      fetch: client.fetch,
      ...invited,
    })
    await Promise.all(remembered)
    await person.client.registerAlias("next.door")
    await person.stop()
    return new Neighbour(
      store,
      sent.get(as.finishRegistration) as Params<typeof as.finishRegistration>,
      sent.get(qs.publishAddPackages) as Params<typeof qs.publishAddPackages>,
    )
  }

  /** The last message of the first login. */
  get ke3(): Uint8Array {
    return this.#registered.ke3
  }

  get connectionPackages(): readonly Uint8Array[] {
    return this.#registered.connectionPackages
  }

  get addPackages(): Params<typeof qs.publishAddPackages>["addPackages"] {
    return this.#published.addPackages
  }

  get queueOwner(): QueueOwner {
    return queueOwnerOf(this.store)
  }

  identity(kind: Sender): Identity {
    const { clientId, clientSeed, qsUserSeed, qsClientSeed } = this.store.account()
    const { user, client } = this.queueOwner.qs
    const { hash, authSeed } = this.alias
    switch (kind) {
      case "client":
        return identity({ kind, id: clientId }, clientSeed)
      case "alias":
        return identity({ kind, id: hash }, authSeed)
      case "qs-user":
        return identity({ kind, id: user }, qsUserSeed)
      case "qs-client":
        return identity({ kind, id: client }, qsClientSeed)
      default:
        throw new Error(`no ${kind}`)
    }
  }
}
