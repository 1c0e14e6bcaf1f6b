import { ADD_PACKAGES_MAX, CLIENTS_PER_USER_MAX, HASH_BYTES, ID_BYTES, KEY_BYTES } from "../limits.ts"
import { queueTable } from "../queue/slots.ts"
import { defineVeiled } from "../veil/table.ts"
import { CLIENT_STATE_BYTES } from "./client-state.ts"

/** The tables of db/delivery/0001, which says what they show to a snapshot. All are veiled. */

export type UserRow = {
  id: Uint8Array
  auth_key: Uint8Array
  token_hash: Uint8Array
  /** Ids of the user's clients, {@link ID_BYTES} each, the oldest first. */
  clients: Uint8Array
}
export const users = defineVeiled<UserRow>(
  "qs_user",
  ["id", "auth_key", "token_hash", "clients"],
  ID_BYTES + KEY_BYTES + HASH_BYTES + CLIENTS_PER_USER_MAX * ID_BYTES,
)

export type FriendshipRow = { token_hash: Uint8Array; user_id: Uint8Array }
export const friendships = defineVeiled<FriendshipRow>(
  "qs_friendship",
  ["token_hash", "user_id"],
  HASH_BYTES + ID_BYTES,
)

export type ClientRow = {
  id: Uint8Array
  user_id: Uint8Array
  auth_key: Uint8Array
  /** As client-state.ts says. */
  state: Uint8Array
  /** Numbers of the client's AddPackages, one byte each. */
  add_packages: Uint8Array
}
export const clients = {
  ...defineVeiled<ClientRow>(
    "qs_client",
    ["id", "user_id", "auth_key", "state", "add_packages"],
    2 * ID_BYTES + KEY_BYTES + CLIENT_STATE_BYTES + ADD_PACKAGES_MAX,
  ),
  // It has the push token in it.
  overwritten: ["state"],
}

export type AddPackageRow = {
  /** The client's id and a number. */
  id: Uint8Array
  body: Uint8Array
}
/** Bytes; a row of the first kind fits into a page of 8 KiB with others, the last holds the largest AddPackage. */
const ADD_PACKAGE_BYTES = [1920, 1920 + 4096, 1920 + 3 * 4096] as const
export const addPackages = defineVeiled<AddPackageRow>(
  "qs_add_package",
  ["id", "body"],
  ...ADD_PACKAGE_BYTES.map((bytes) => ID_BYTES + 1 + bytes),
)

/** The queues' records; a queue has its client's id. */
export const queues = queueTable("qs_queue")

export const veiledTables = [users, friendships, clients, queues, addPackages]
