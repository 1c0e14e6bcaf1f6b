import { ADD_PACKAGES_MAX, CLIENTS_PER_USER_MAX } from "../limits.ts"
import { type Effect, put, remove, type View } from "../store/database.ts"
import {
  type AddPackageRow,
  addPackages,
  type ClientRow,
  clients,
  friendships,
  type UserRow,
  userClients,
  users,
} from "./tables.ts"

/** Reading and changing the QS's rows; the rules are with the operations. */

export function putUser(user: UserRow): Effect[] {
  return [put(users, user), put(friendships, { token_hash: user.token_hash, user_id: user.id })]
}

export function removeUser({ id, token_hash }: UserRow): Effect[] {
  return [remove(users, { id }), remove(friendships, { token_hash })]
}

export function putClient(client: ClientRow): Effect[] {
  return [put(clients, client), put(userClients, { user_id: client.user_id, client_id: client.id })]
}

/** Removes a client's rows with its AddPackages; its queue is the engine's to remove. */
export function removeClient(view: View, { id, user_id }: ClientRow): Effect[] {
  return [
    remove(clients, { id }),
    remove(userClients, { user_id, client_id: id }),
    ...addPackagesOf(view, id).map(removeAddPackage),
  ]
}

export function userOfToken(view: View, tokenHash: Uint8Array): Uint8Array | undefined {
  return view.get(friendships, { token_hash: tokenHash })?.user_id
}

export function clientsOf(view: View, user: Uint8Array): Uint8Array[] {
  return view.list(userClients, { user_id: user }, CLIENTS_PER_USER_MAX).map((row) => row.client_id)
}

function addPackagesOf(view: View, client: Uint8Array): AddPackageRow[] {
  return view.list(addPackages, { client_id: client }, ADD_PACKAGES_MAX)
}

/** How many AddPackages the client has beside that of last resort. */
export function countNormalAddPackages(view: View, client: Uint8Array): number {
  return view.list(addPackages, { client_id: client, last_resort: 0 }, ADD_PACKAGES_MAX).length
}

/** Puts these rows in place of all that the client has. */
export function replaceAddPackages(view: View, client: Uint8Array, rows: readonly AddPackageRow[]): Effect[] {
  return [...addPackagesOf(view, client).map(removeAddPackage), ...rows.map((row) => put(addPackages, row))]
}

/**
 * A normal AddPackage of the client, chosen by a random point among the ids, or undefined. Ids are random, so the one that
 * follows a random point is any of them.
 */
export function normalAddPackage(
  view: View,
  client: Uint8Array,
  randomPoint: Uint8Array,
): AddPackageRow | undefined {
  const normal = { client_id: client, last_resort: 0 }
  const [following] = view.list(addPackages, normal, 1, { ...normal, id: randomPoint })
  if (following !== undefined) return following
  return view.list(addPackages, normal, 1)[0]
}

/** The client's AddPackage of last resort, if it has published one. */
export function lastResort(view: View, client: Uint8Array): AddPackageRow | undefined {
  return view.list(addPackages, { client_id: client, last_resort: 1 }, 1)[0]
}

export function removeAddPackage({ client_id, last_resort, id }: AddPackageRow): Effect {
  return remove(addPackages, { client_id, last_resort, id })
}
