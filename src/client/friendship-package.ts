import { encodeFriendshipPackage } from "../wire/friendship.ts"
import type { Account } from "./records.ts"

/** What contacts get, and what it is now. */
export function ownFriendship({
  friendshipToken: token,
  friendshipKey: encryptionKey,
  profileKey,
}: Pick<Account, "friendshipToken" | "friendshipKey" | "profileKey">): Uint8Array {
  return encodeFriendshipPackage({ token, encryptionKey, profileKey })
}
