import { CryptoError } from "../crypto/provider.ts"
import { equal, toHex } from "../wire/bytes.ts"
import { encodeExternalCommitData } from "../wire/commit-data.ts"
import { openConnectionRequest, readConnectionPackageRef } from "../wire/connection.ts"
import { ds } from "../wire/ds.ts"
import { formatUserId, userOfClient } from "../wire/user-id.ts"
import { readConnectionQueue } from "./connection-queue.ts"
import { type ClientContext, commitChanges } from "./context.ts"
import { ClientError } from "./errors.ts"
import { ownFriendship } from "./friendship-package.ts"
import { finishPending, sendContent, stagedParts } from "./group-operations.ts"
import type { GroupSession } from "./group-session.ts"
import type { Inbox } from "./inbox.ts"
import { verifyMembers } from "./joining.ts"
import { freshLeaf, freshQueueConfig, ownRecord, sealForGroup } from "./leaves.ts"
import { at, change, load, removal } from "./record-store.ts"
import { IncomingRequest, StoredConnectionPackage } from "./records.ts"
import { isRefusal } from "./refusal.ts"
import type { Sessions } from "./sessions.ts"
import type { StoreChange } from "./store.ts"

/**
 * The second half of becoming contacts (connection_establishment.md of the Phoenix book; asking.ts is the first): the
 * responder joins the initiator's group by external commit; then each sends the other its friendship package in there.
 */

/** Fetches what others put into an inbox's connection queue; each valid request becomes an event. */
export async function pollRequests(context: ClientContext, inbox: Inbox): Promise<void> {
  await readConnectionQueue(context, inbox, async (message, progress) => {
    try {
      const opened = await openRequest(context, inbox, message)
      if (opened !== undefined) {
        await keepRequest(context, inbox, opened, progress)
        return
      }
    } catch (error) {
      if (!isRefusal(error)) throw error
    }
    await context.store.transaction([progress])
  })
}

interface OpenedRequest {
  readonly request: IncomingRequest
  /** That its connection package was used. */
  readonly used: StoreChange
}

async function keepRequest(
  context: ClientContext,
  { alias }: Inbox,
  { request, used }: OpenedRequest,
  progress: StoreChange,
): Promise<void> {
  if (context.blocked.has(request.from)) {
    await context.store.transaction([used, progress])
    return
  }
  const id = toHex(request.groupId)
  const known = await load(context.store, IncomingRequest, at.incoming(id))
  const changes = [change(IncomingRequest, at.incoming(id), request), used, progress]
  const event = { type: "connection-request" as const, request: id, from: request.from, alias }
  await commitChanges(context, changes, known === undefined ? [event] : [])
}

/**
 * Only with a package of the same inbox: somebody who suspects an alias to be a user's could otherwise send the user's
 * package's request through the alias, and an answer would confirm it.
 */
async function openRequest(
  { store, crypto, trust, transport }: ClientContext,
  inbox: Inbox,
  message: Uint8Array,
): Promise<OpenedRequest | undefined> {
  const key = at.connectionPackage(readConnectionPackageRef(message))
  const own = await load(store, StoredConnectionPackage, key)
  if (own === undefined || own.alias !== inbox.alias) throw new CryptoError("unknown connection package")
  const opened = await trust.verify((source) =>
    openConnectionRequest(crypto, own.secretKey, message, source, transport.now()),
  )
  const { sender, groupId, earKey, credentialKey } = opened
  if ((await store.get(at.group(toHex(groupId)))) !== undefined) return undefined
  const from = formatUserId(userOfClient(sender.clientId), sender.domain)
  return {
    request: { from, sender: sender.clientId, groupId, earKey, credentialKey },
    used: change(StoredConnectionPackage, key, { ...own, state: "used" }),
  }
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
  if (request === undefined) throw new ClientError("client.unknown-request")
  await session.locked(() => stageJoin(session, request, [removal(at.incoming(id))]))
  await finishPending(session)
}

/** Forgets a request, of which nothing else is left but perhaps its event. */
export async function declineRequest({ store }: ClientContext, id: string): Promise<void> {
  await store.transaction([removal(at.incoming(id))])
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
  const data = encodeExternalCommitData(sealForGroup(crypto, credentialKey, publicKey, owner))
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
    receipts: [],
    former: [],
    pending: {
      kind: "commit" as const,
      id: toHex(crypto.random(8)),
      operation: "joinConnectionGroup" as const,
      ...stagedParts(staged, members, life),
      queueConfig: freshQueueConfig(crypto, account),
    },
    connection: { peer: initiator.user, alias: null },
    owesFriendship: true,
    behind: false,
  }
  await session.write({ facts, member: staged.next }, [], changes)
}

/** Sends the own friendship package if it is owed and the other is there. */
export async function payFriendship(session: GroupSession): Promise<void> {
  const state = session.current
  if (state === undefined || !state.facts.owesFriendship || state.facts.members.length !== 2) return
  const { context } = session
  // Who is blocked by the time that it is sent must not get keys that were made because of that.
  await sendContent(session, "friendship", ({ facts: { owesFriendship, connection } }) => {
    const isWanted = owesFriendship && !context.blocked.has(connection?.peer ?? "")
    return isWanted ? ownFriendship(context.account) : undefined
  })
}
