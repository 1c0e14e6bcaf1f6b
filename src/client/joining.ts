import { open } from "../crypto/hpke.ts"
import { labels } from "../crypto/labels.ts"
import { CryptoError } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { decodeMlsMessage } from "../mls/codec/message.ts"
import { toHex } from "../wire/bytes.ts"
import { ds } from "../wire/ds.ts"
import { openWelcomeAttribution, type WelcomeAttribution } from "../wire/friendship.ts"
import type { WelcomeBundle } from "../wire/queue-message.ts"
import { formatUserId, userOfClient } from "../wire/user-id.ts"
import { contactOf } from "./blocked-users.ts"
import { ClientError } from "./errors.ts"
import { friendshipKeys } from "./friendship-rotation.ts"
import type { MemberRecord } from "./group-records.ts"
import type { GroupSession, GroupState } from "./group-session.ts"
import { lifeInGroup, verifyLeaf } from "./leaves.ts"
import { type GroupMember, MemberError } from "./mls/member.ts"
import { at, load, removal } from "./record-store.ts"
import { StoredKeyPackage } from "./records.ts"
import { isRefusal } from "./refusal.ts"
import type { StoreChange } from "./store.ts"

/**
 * Takes a Welcome: opens what belongs to it, fetches the tree, and joins if every member's credential verifies up to
 * the root. Returns whether this client joined; `progress` is stored in any case.
 */
export function takeWelcome(
  session: GroupSession,
  bundle: WelcomeBundle,
  progress: StoreChange,
): Promise<boolean> {
  return session.locked(async () => {
    try {
      const joined = await join(session, bundle)
      if (joined !== undefined) {
        const { state, by, used } = joined
        await session.write(state, [{ type: "joined", group: session.id, by }], [...used, progress])
        return true
      }
    } catch (error) {
      if (!isRefusal(error) && !isDefinite(error)) throw error
    }
    await session.context.store.transaction([progress])
    return false
  })
}

/** The server refused what the Welcome led to: the group is gone, or the epoch too long ago. */
function isDefinite(error: unknown): boolean {
  return error instanceof ClientError && !error.code.startsWith("client.") && error.code !== "server.internal"
}

interface OwnKeyPackage {
  readonly ref: Uint8Array
  readonly stored: StoredKeyPackage
}

interface Joined {
  readonly state: GroupState
  readonly by: string
  readonly used: readonly StoreChange[]
}

async function join(session: GroupSession, bundle: WelcomeBundle): Promise<Joined | undefined> {
  const { crypto, membership, transport } = session.context
  const own = await findKeyPackage(session, bundle.welcome)
  if (own === undefined || session.current !== undefined) return undefined
  const { groupId } = session
  const earKey = open(crypto, own.stored.initKey, labels.welcomeEarKey, groupId, bundle.sealedEarKey)
  const attribution = await openAttribution(session, bundle)
  const info = await transport.call(
    ds.welcomeInfo,
    { groupId, earKey, epoch: Number(bundle.epoch) },
    { sender: { kind: "kpref", id: own.ref }, seed: own.stored.signatureSeed },
  )
  const { keyPackage, initKey, encryptionKey, signatureSeed } = own.stored
  const secrets = { initKey, encryptionKey, signatureSeed }
  const member = await membership.joinFromWelcome(bundle.welcome, { keyPackage, secrets }, info.ratchetTree)
  if (toHex(member.groupId) !== session.id || member.epoch !== bundle.epoch) throw new MemberError("welcome")
  const { groupCredentialKey: credentialKey, sender } = attribution
  const members = await verifyMembers(session, member, credentialKey, info.encryptedCredentials)
  const by = formatUserId(userOfClient(sender.clientId), sender.domain)
  if (!members.some(({ user }) => user === by)) throw new MemberError("attribution")
  const facts = {
    earKey,
    credentialKey: credentialKey.slice(),
    members,
    ownLeaf: lifeInGroup(own.stored, transport.now()),
    sequence: 0,
    received: [],
    receipts: [],
    former: [],
    pending: null,
    connection: null,
    owesFriendship: false,
    behind: false,
  }
  const used = own.stored.lastResort ? [] : [removal(at.keyPackage(toHex(own.ref)))]
  if (!own.stored.lastResort) wipe(own.stored.initKey)
  return { state: { facts, member }, by, used }
}

/**
 * Who adds this client. Nobody whom it blocks, whatever AddPackages the user got hold of before; and under a friendship key
 * that was replaced, only contacts: whoever else has that one got it from somebody who had no right to pass it on.
 */
async function openAttribution(
  { context, groupId }: GroupSession,
  { attribution, welcome }: WelcomeBundle,
): Promise<WelcomeAttribution> {
  const { blocked, crypto, transport, trust } = context
  const keys = await friendshipKeys(context)
  const now = transport.now()
  const { opened, isPresent } = await trust.verify((source) => {
    for (const [index, key] of keys.entries()) {
      try {
        const sealedTo = { groupId, welcome }
        const opened = openWelcomeAttribution(crypto, key, attribution, sealedTo, source, now)
        return { opened, isPresent: index === 0 }
      } catch (error) {
        if (!(error instanceof CryptoError)) throw error
      }
    }
    throw new CryptoError("attribution")
  })
  const user = formatUserId(userOfClient(opened.sender.clientId), opened.sender.domain)
  const isWelcome = isPresent ? !blocked.has(user) : (await contactOf(context, user)) !== undefined
  if (!isWelcome) throw new MemberError("attribution")
  return opened
}

async function findKeyPackage(
  session: GroupSession,
  welcome: Uint8Array,
): Promise<OwnKeyPackage | undefined> {
  const message = decodeMlsMessage(welcome)
  if (message.kind !== "welcome") return undefined
  for (const { newMember } of message.welcome.secrets) {
    const stored = await load(session.context.store, StoredKeyPackage, at.keyPackage(toHex(newMember)))
    if (stored !== undefined) return { ref: newMember, stored }
  }
  return undefined
}

/** Who is who in a group. Throws CredentialError, CryptoError or MemberError unless all can be verified. */
export async function verifyMembers(
  { context }: Pick<GroupSession, "context">,
  member: Pick<GroupMember, "members">,
  credentialKey: Uint8Array,
  encrypted: readonly { readonly leaf: number; readonly credential: Uint8Array }[],
): Promise<MemberRecord[]> {
  const { crypto, trust, transport } = context
  const records: MemberRecord[] = []
  for (const leaf of member.members()) {
    const sealed = encrypted.find((entry) => entry.leaf === leaf.leaf)
    if (sealed === undefined) throw new MemberError("credential")
    const now = transport.now()
    const { record } = await verifyLeaf(crypto, trust, "group", credentialKey, leaf, sealed.credential, now)
    records.push(record)
  }
  return records
}
