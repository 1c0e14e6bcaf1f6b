import { equal, toHex } from "../wire/bytes.ts"
import { decodeFriendshipPackage } from "../wire/friendship.ts"
import type { ClientContext } from "./context.ts"
import type { StoredEvent } from "./event-records.ts"
import type { GroupSession } from "./group-session.ts"
import { at, change, load, removal } from "./record-store.ts"
import { type Connection, Contact } from "./records.ts"
import type { StoreChange } from "./store.ts"

interface Befriended {
  readonly events: readonly StoredEvent[]
  readonly changes: readonly StoreChange[]
}

/** Whether the connection group of a contact is still there. */
export async function isConnected({ store }: ClientContext, { groupId }: Contact): Promise<boolean> {
  return (await store.get(at.group(toHex(groupId)))) !== undefined
}

/**
 * The other's friendship package has come, the first one or one that replaces it. Whoever asked for an alias also hears
 * whose it is if that is an old friend; and it is news if somebody with whom nothing was left of a connection is back.
 */
export async function befriend(
  { context, groupId }: GroupSession,
  { alias }: Connection,
  user: string,
  friendshipPackage: Uint8Array,
  isFirst: boolean,
): Promise<Befriended> {
  const { token, encryptionKey, profileKey } = decodeFriendshipPackage(friendshipPackage)
  const known = await load(context.store, Contact, at.contact(user))
  const replaced = known !== undefined && !equal(known.profileKey, profileKey)
  const contact = {
    friendshipToken: token,
    friendshipKey: encryptionKey,
    profileKey,
    earlierProfileKey: replaced ? known.profileKey : (known?.earlierProfileKey ?? null),
    groupId,
  }
  const isNews =
    known === undefined ||
    (isFirst && !equal(known.groupId, groupId) && (alias !== null || !(await isConnected(context, known))))
  return {
    events: isNews ? [{ type: "connected", user, alias }] : [],
    changes: [
      change(Contact, at.contact(user), contact),
      removal(at.outgoing(user)),
      ...(alias === null ? [] : [removal(at.outgoing(alias))]),
    ],
  }
}
