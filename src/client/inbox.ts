import { makeAliasPackage } from "../wire/alias-package.ts"
import { as } from "../wire/as.ts"
import { makeConnectionPackage } from "../wire/connection.ts"
import type { Params, Result } from "../wire/endpoint.ts"
import type { ClientContext } from "./context.ts"
import { at } from "./record-store.ts"
import type { AliasRecord } from "./records.ts"
import { aliasSigner, clientSigner } from "./signers.ts"

/**
 * Something that others can ask for a connection: the user id, or an alias. Each has a connection queue and connection
 * packages of its own, and keys that are used for nothing else.
 */
export interface Inbox {
  /** Null: the user id. */
  readonly alias: string | null
  /** Opens the queue. */
  readonly queueKey: Uint8Array
  /** The name of the record that says how far the queue was read. */
  readonly progress: string
  /** Throws ClientError, as do the others that call the server. */
  dequeue(params: Params<typeof as.dequeue>): Promise<Result<typeof as.dequeue>>
  /** No package that is made now lasts longer than until then, in seconds since 1970. */
  packagesEnd(): number
  /** A connection package for an encryption key; `now` in seconds. */
  makePackage(encryptionKey: Uint8Array, now: number): Uint8Array
  publish(connectionPackages: Uint8Array[]): Promise<unknown>
  /** How many packages can be claimed; without it, the server does not say. */
  countLeft?(): Promise<number>
}

export function userInbox(context: ClientContext): Inbox {
  const { identity, crypto, transport } = context
  const { clientSeed, connectionQueueKey } = identity.account
  const signer = clientSigner(identity.account)
  const publish = (connectionPackages: Uint8Array[]) =>
    transport.call(as.publishConnectionPackages, { connectionPackages }, signer)
  return {
    alias: null,
    queueKey: connectionQueueKey,
    progress: at.connectionQueue,
    dequeue: (params) => transport.call(as.dequeue, params, signer),
    packagesEnd: () => identity.expiration.notAfter,
    makePackage: (key, now) =>
      makeConnectionPackage(crypto, clientSeed, identity.account.credential, key, now),
    publish,
    countLeft: async () => (await publish([])).left,
  }
}

export function aliasInbox({ crypto, transport }: ClientContext, alias: string, record: AliasRecord): Inbox {
  const { hash, authSeed, queueKey } = record
  const signer = aliasSigner(record)
  return {
    alias,
    queueKey,
    progress: at.aliasQueue(alias),
    dequeue: (params) => transport.call(as.dequeueAlias, params, signer),
    packagesEnd: () => Number.POSITIVE_INFINITY,
    makePackage: (key, now) => makeAliasPackage(crypto, hash, authSeed, key, now),
    publish: (connectionPackages) =>
      transport.call(as.publishAliasConnectionPackages, { connectionPackages }, signer),
  }
}
