import { CLIENT_CREDENTIAL_SECONDS, KEY_BYTES } from "../limits.ts"
import { toHex } from "../wire/bytes.ts"
import { lifetime } from "../wire/credentials.ts"
import { ds } from "../wire/ds.ts"
import type { ClientContext } from "./context.ts"
import { ClientError } from "./errors.ts"
import type { GroupRecord } from "./group-records.ts"
import type { GroupSession } from "./group-session.ts"
import { freshLeaf, freshQueueConfig, ownRecord, sealForGroup } from "./leaves.ts"
import type { Connection } from "./records.ts"
import type { Sessions } from "./sessions.ts"
import type { StoreChange } from "./store.ts"

type NewGroup = Pick<GroupRecord, "earKey" | "credentialKey"> & { readonly groupId: Uint8Array }

/** A reserved group id does not survive a restart of the server. */
const ATTEMPTS_MAX = 4

/**
 * Creates a group with this client as its only member. `connection` is set for connection groups; `also` may add changes to the
 * transaction that stores the group. A group that the server made and the client did not get to store is an orphan of
 * one member, which expires there.
 */
export async function createGroup(
  context: ClientContext,
  sessions: Sessions,
  connection: Connection | null,
  also: (group: NewGroup) => StoreChange[] = () => [],
): Promise<GroupSession> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await create(context, sessions, connection, also)
    } catch (error) {
      const forgotten = error instanceof ClientError && error.code === "auth.refused"
      if (!forgotten || attempt === ATTEMPTS_MAX) throw error
    }
  }
}

async function create(
  { identity, crypto, membership, transport }: ClientContext,
  sessions: Sessions,
  connection: Connection | null,
  also: (group: NewGroup) => StoreChange[],
): Promise<GroupSession> {
  const account = await identity.current()
  const reserved = await transport.call(ds.requestGroupId, {})
  const groupId = reserved.groupId.slice()
  const earKey = crypto.random(KEY_BYTES)
  const credentialKey = crypto.random(KEY_BYTES)
  const now = transport.now()
  const { leaf, publicKey, owner, life } = freshLeaf(crypto, account, now)
  const { removalKey } = reserved
  const member = await membership.create({
    groupId,
    removalKey,
    leaf,
    lifetime: lifetime(now, CLIENT_CREDENTIAL_SECONDS),
  })
  await transport.call(
    ds.createGroup,
    {
      groupId,
      earKey,
      groupInfo: member.groupInfo().bytes,
      ratchetTree: member.ratchetTree(),
      encryptedCredential: sealForGroup(crypto, credentialKey, publicKey, owner),
      queueConfig: freshQueueConfig(crypto, account),
    },
    { sender: { kind: "leaf", leaf: member.leaf }, seed: member.signatureSeed },
  )
  const facts = {
    earKey,
    credentialKey,
    members: [ownRecord(crypto, account, member.leaf)],
    ownLeaf: life,
    sequence: 0,
    received: [],
    receipts: [],
    former: [],
    pending: null,
    connection,
    owesFriendship: connection !== null,
    behind: false,
  }
  const session = sessions.get(toHex(groupId))
  await session.locked(() => session.write({ facts, member }, [], also({ groupId, earKey, credentialKey })))
  return session
}
