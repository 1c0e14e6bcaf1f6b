import { hashAlias } from "../wire/alias.ts"
import { verifyAliasPackage } from "../wire/alias-package.ts"
import { as } from "../wire/as.ts"
import { equal } from "../wire/bytes.ts"
import { sealConnectionRequest, verifyConnectionPackage } from "../wire/connection.ts"
import { CredentialError } from "../wire/credentials.ts"
import { parseUserId, type UserId, userOfClient } from "../wire/user-id.ts"
import { isConnected } from "./befriending.ts"
import { type ClientContext, ownUser } from "./context.ts"
import { ClientError } from "./errors.ts"
import { createGroup } from "./group-creation.ts"
import { at, change, load } from "./record-store.ts"
import { AliasRecord, type Connection, Contact, OutgoingRequest } from "./records.ts"
import type { Sessions } from "./sessions.ts"

/**
 * The first half of becoming contacts (connection_establishment.md of the Phoenix book): the initiator makes a connection
 * group, seals its keys to a connection package of the responder, and puts them into the responder's connection queue.
 * It goes the same way whether the responder was named by user id or by alias; but who has an alias, only the
 * credential tells with which somebody joins the group.
 */

/** Where a request goes, and the key that it is sealed to. */
interface Found {
  readonly recipient: OutgoingRequest["recipient"]
  readonly encryptionKey: Uint8Array
}

/**
 * Asks a user to connect. Resolves when the request lies in the other's queue; asking again changes nothing. Throws
 * ClientError.
 */
export async function askUser(context: ClientContext, sessions: Sessions, user: string): Promise<void> {
  if (user === ownUser(context)) throw new ClientError("client.invalid")
  if (context.blocked.has(user)) throw new ClientError("client.blocked")
  const known = await load(context.store, Contact, at.contact(user))
  if (known !== undefined && (await isConnected(context, known))) return
  const connection = { peer: user, alias: null }
  await ask(context, sessions, user, connection, () => findUser(context, parseName(user)))
}

/** The same for whoever has an alias, which is normalised. */
export async function askAlias(context: ClientContext, sessions: Sessions, alias: string): Promise<void> {
  const own = await load(context.store, AliasRecord, at.alias(alias))
  if (own !== undefined) throw new ClientError("client.invalid")
  await ask(context, sessions, alias, { peer: null, alias }, () => findAlias(context, alias))
}

/** `name` is what the request is kept under until the other has joined. */
async function ask(
  context: ClientContext,
  sessions: Sessions,
  name: string,
  connection: Connection,
  find: () => Promise<Found>,
): Promise<void> {
  const { store, crypto, trust, identity } = context
  if ((await load(store, OutgoingRequest, at.outgoing(name))) === undefined) {
    const { recipient, encryptionKey } = await find().catch((error: unknown) => {
      throw trust.explain(error)
    })
    await createGroup(context, sessions, connection, ({ groupId, earKey, credentialKey }) => {
      const group = { groupId, earKey, credentialKey }
      const { clientSeed, credential } = identity.account
      const message = sealConnectionRequest(crypto, encryptionKey, clientSeed, credential, group)
      return [change(OutgoingRequest, at.outgoing(name), { groupId, recipient, message })]
    })
  }
  await sendRequest(context, name)
}

function parseName(user: string): UserId {
  try {
    return parseUserId(user)
  } catch {
    throw new ClientError("client.invalid")
  }
}

async function findUser(context: ClientContext, { user, domain }: UserId): Promise<Found> {
  const { transport, trust, crypto } = context
  const { connectionPackage } = await transport.call(as.claimConnectionPackage, { user })
  const { client, encryptionKey } = await trust.verify((source) => {
    const anchors = source(domain)
    if (anchors === undefined) throw new CredentialError("wrong-domain")
    return verifyConnectionPackage(crypto, anchors, connectionPackage, transport.now())
  })
  if (!equal(userOfClient(client.clientId), user)) throw new ClientError("client.invalid")
  return { recipient: { client: client.clientId }, encryptionKey }
}

async function findAlias({ transport, trust, crypto }: ClientContext, name: string): Promise<Found> {
  const alias = await hashAlias(name, trust.aliasSalt)
  const { connectionPackage } = await transport.call(as.claimAliasConnectionPackage, { alias })
  const { encryptionKey } = verifyAliasPackage(crypto, alias, connectionPackage, transport.now())
  return { recipient: { alias }, encryptionKey }
}

/** Puts a stored request into the recipient's queue, if it is not there yet. */
export async function sendRequest({ store, transport }: ClientContext, name: string): Promise<void> {
  const request = await load(store, OutgoingRequest, at.outgoing(name))
  if (request === undefined || request.message === null) return
  const { recipient, message } = request
  if ("client" in recipient) await transport.call(as.enqueue, { ...recipient, message })
  else await transport.call(as.enqueueAlias, { ...recipient, message })
  await store.transaction([change(OutgoingRequest, at.outgoing(name), { ...request, message: null })])
}
