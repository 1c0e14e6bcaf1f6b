import { CLIENTS_PER_USER_MAX } from "../limits.ts"
import { type Effect, put, remove, type View } from "../store/database.ts"
import { type AddPackageRow, addPackages, clients, friendships, userClients, users } from "./tables.ts"

/** Reading and changing the QS's rows; the rules are with the operations. */

/** A user with its only client, as it is registered. */
export interface NewUser {
  readonly user: Uint8Array
  readonly userAuthKey: Uint8Array
  readonly friendshipTokenHash: Uint8Array
  readonly client: Uint8Array
  readonly clientAuthKey: Uint8Array
}

export function putUser(added: NewUser): Effect[] {
  const { user, userAuthKey, friendshipTokenHash, client, clientAuthKey } = added
  return [
    put(users, { id: user, auth_key: userAuthKey }),
    put(friendships, { token_hash: friendshipTokenHash, user_id: user }),
    put(clients, { id: client, user_id: user, auth_key: clientAuthKey }),
    put(userClients, { user_id: user, client_id: client }),
  ]
}

export function userOfToken(view: View, tokenHash: Uint8Array): Uint8Array | undefined {
  return view.get(friendships, { token_hash: tokenHash })?.user_id
}

export function clientsOf(view: View, user: Uint8Array): Uint8Array[] {
  return view.list(userClients, { user_id: user }, CLIENTS_PER_USER_MAX).map((row) => row.client_id)
}

/** Puts these rows in place of all that the client has. */
export function replaceAddPackages(
  view: View,
  client: Uint8Array,
  rows: readonly AddPackageRow[],
  max: number,
): Effect[] {
  const old = view.list(addPackages, { client_id: client }, max)
  return [...old.map(removeAddPackage), ...rows.map((row) => put(addPackages, row))]
}

/**
 * A normal AddPackage of the client, chosen by a random point among the ids, or its last resort, or undefined.
 * Ids are random, so the one that follows a random point is any of them.
 */
export function chooseAddPackage(
  view: View,
  client: Uint8Array,
  randomPoint: Uint8Array,
): AddPackageRow | undefined {
  const normal = { client_id: client, last_resort: 0 }
  const [following] = view.list(addPackages, normal, 1, { ...normal, id: randomPoint })
  if (following !== undefined) return following
  const [first] = view.list(addPackages, normal, 1)
  if (first !== undefined) return first
  const [lastResort] = view.list(addPackages, { client_id: client, last_resort: 1 }, 1)
  return lastResort
}

export function removeAddPackage({ client_id, last_resort, id }: AddPackageRow): Effect {
  return remove(addPackages, { client_id, last_resort, id })
}
