import { CryptoError } from "../crypto/provider.ts"
import { as } from "../wire/as.ts"
import { equal, toHex } from "../wire/bytes.ts"
import { encodeJoinConnectionGroupData } from "../wire/commit-data.ts"
import {
  openConnectionRequest,
  readConnectionPackageRef,
  sealConnectionRequest,
  verifyConnectionPackage,
} from "../wire/connection.ts"
import { CredentialError } from "../wire/credentials.ts"
import { ds } from "../wire/ds.ts"
import { encodeFriendshipPackage } from "../wire/friendship.ts"
import { formatUserId, parseUserId, type UserId, userOfClient } from "../wire/user-id.ts"
import { readConnectionQueue } from "./connection-queue.ts"
import { type ClientContext, commitChanges } from "./context.ts"
import { ClientError } from "./errors.ts"
import { createGroup } from "./group-creation.ts"
import { finishPending, sendContent, stagedParts } from "./group-operations.ts"
import type { GroupSession } from "./group-session.ts"
import { verifyMembers } from "./joining.ts"
import { freshLeaf, freshQueueConfig, ownRecord, sealForGroup } from "./leaves.ts"
import {
  at,
  Contact,
  change,
  IncomingRequest,
  load,
  OutgoingRequest,
  removal,
  StoredConnectionPackage,
} from "./records.ts"
import { isRefusal } from "./refusal.ts"
import type { Sessions } from "./sessions.ts"
import type { StoreChange } from "./store.ts"

/**
 * How two users become contacts (connection_establishment.md of the Phoenix book). The initiator makes a connection
 * group and seals its keys to a connection package of the responder; the responder joins by external commit; then each
 * sends the other its friendship package in there.
 */

/** Asks a user to connect. Resolves when the request lies in the other's queue; asking again changes nothing. */
export async function requestConnection(
  context: ClientContext,
  sessions: Sessions,
  user: string,
): Promise<void> {
  const { store, transport, trust, crypto, identity } = context
  if (user === ownUser(context)) throw new ClientError("client.invalid")
  if ((await load(store, Contact, at.contact(user))) !== undefined) return
  if ((await load(store, OutgoingRequest, at.outgoing(user))) !== undefined) {
    await sendRequest(context, user)
    return
  }
  const { user: userId, domain } = parseName(user)
  const { connectionPackage } = await transport.call(as.claimConnectionPackage, { user: userId })
  const { client, encryptionKey } = await trust
    .verify((source) => {
      const anchors = source(domain)
      if (anchors === undefined) throw new CredentialError("wrong-domain")
      return verifyConnectionPackage(crypto, anchors, connectionPackage, transport.now())
    })
    .catch((error: unknown) => {
      throw trust.explain(error)
    })
  if (!equal(userOfClient(client.clientId), userId)) throw new ClientError("client.invalid")
  await createGroup(context, sessions, user, ({ groupId, earKey, credentialKey }) => {
    const group = { groupId, earKey, credentialKey }
    const { clientSeed, credential } = identity.account
    const message = sealConnectionRequest(crypto, encryptionKey, clientSeed, credential, group)
    return [change(OutgoingRequest, at.outgoing(user), { groupId, recipient: client.clientId, message })]
  })
  await sendRequest(context, user)
}

function parseName(user: string): UserId {
  try {
    return parseUserId(user)
  } catch {
    throw new ClientError("client.invalid")
  }
}

/** Puts a stored request into the recipient's queue, if it is not there yet. */
export async function sendRequest({ store, transport }: ClientContext, user: string): Promise<void> {
  const request = await load(store, OutgoingRequest, at.outgoing(user))
  if (request === undefined || request.message === null) return
  await transport.call(as.enqueue, { client: request.recipient, message: request.message })
  await store.transaction([change(OutgoingRequest, at.outgoing(user), { ...request, message: null })])
}

/** Fetches what others put into the own connection queue; each valid request becomes an event. Whether there was one. */
export async function pollRequests(context: ClientContext): Promise<boolean> {
  let received = false
  await readConnectionQueue(context, async (message, progress) => {
    received = true
    try {
      const request = await openRequest(context, message)
      if (request !== undefined) {
        const id = toHex(request.groupId)
        const known = await load(context.store, IncomingRequest, at.incoming(id))
        const changes = [change(IncomingRequest, at.incoming(id), request), progress]
        const event = { type: "connection-request" as const, request: id, from: request.from }
        await commitChanges(context, changes, known === undefined ? [event] : [])
        return
      }
    } catch (error) {
      if (!isRefusal(error)) throw error
    }
    await context.store.transaction([progress])
  })
  return received
}

async function openRequest(
  { store, crypto, trust, transport }: ClientContext,
  message: Uint8Array,
): Promise<IncomingRequest | undefined> {
  const own = await load(
    store,
    StoredConnectionPackage,
    at.connectionPackage(readConnectionPackageRef(message)),
  )
  if (own === undefined) throw new CryptoError("unknown connection package")
  const opened = await trust.verify((source) =>
    openConnectionRequest(crypto, own.secretKey, message, source, transport.now()),
  )
  const { sender, groupId, earKey, credentialKey } = opened
  if ((await store.get(at.group(toHex(groupId)))) !== undefined) return undefined
  const from = formatUserId(userOfClient(sender.clientId), sender.domain)
  return { from, sender: sender.clientId, groupId, earKey, credentialKey }
}

/**
 * Accepts a request: joins the connection group. The friendship packages follow by themselves, then both get
 * `connected`. Accepting again changes nothing.
 */
export async function acceptRequest(context: ClientContext, sessions: Sessions, id: string): Promise<void> {
  const { store } = context
  const session = sessions.get(id)
  if (session.current !== undefined) {
    await finishPending(session)
    return
  }
  const request = await load(store, IncomingRequest, at.incoming(id))
  if (request === undefined) throw new ClientError("client.unknown-group")
  await session.locked(() => stageJoin(session, request, [removal(at.incoming(id))]))
  await finishPending(session)
}

async function stageJoin(
  session: GroupSession,
  request: IncomingRequest,
  changes: readonly StoreChange[],
): Promise<void> {
  if (session.current !== undefined) return
  const { context, groupId } = session
  const { identity, crypto, membership, transport } = context
  const account = await identity.current()
  const { earKey, credentialKey } = request
  const info = await transport.call(ds.externalCommitInfo, { groupId, earKey })
  const { leaf, publicKey, owner, life } = freshLeaf(crypto, account, transport.now())
  const data = encodeJoinConnectionGroupData(sealForGroup(crypto, credentialKey, publicKey, owner))
  const staged = await membership.joinExternal(info.groupInfo, info.ratchetTree, leaf, data)
  const others = staged.next.members().filter((member) => member.leaf !== staged.next.leaf)
  const verified = await verifyMembers(
    session,
    { members: () => others },
    credentialKey,
    info.encryptedCredentials,
  )
  const [initiator] = verified
  if (verified.length !== 1 || initiator === undefined || !equal(initiator.client, request.sender)) {
    throw new ClientError("client.invalid")
  }
  const self = ownRecord(crypto, account, staged.next.leaf)
  const members = [initiator, self].sort((a, b) => a.leaf - b.leaf)
  const facts = {
    earKey,
    credentialKey,
    members,
    ownLeaf: life,
    sequence: 0,
    received: [],
    pending: {
      kind: "commit" as const,
      id: toHex(crypto.random(8)),
      operation: "joinConnectionGroup" as const,
      ...stagedParts(staged, members, life),
      queueConfig: freshQueueConfig(crypto, account),
    },
    peer: initiator.user,
    owesFriendship: true,
  }
  await session.write({ facts, member: staged.next }, [], changes)
}

export function ownUser({ account }: Pick<ClientContext, "account">): string {
  return formatUserId(userOfClient(account.clientId), account.domain)
}

/** Sends the own friendship package if it is owed and the other is there. */
export async function payFriendship(session: GroupSession): Promise<void> {
  const state = session.current
  if (state === undefined || !state.facts.owesFriendship || state.facts.members.length !== 2) return
  const { friendshipToken: token, friendshipKey: encryptionKey } = session.context.account
  const { pending } = state.facts
  if (pending !== null) await finishPending(session)
  if (session.current?.facts.owesFriendship !== true) return
  const body = encodeFriendshipPackage({ token, encryptionKey })
  await sendContent(session, "friendship", body)
}
