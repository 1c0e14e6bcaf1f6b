import { queueTable } from "../queue/slots.ts"
import { defineTable } from "../store/database.ts"

/** The tables of db/delivery/0001 and 0003, which say what each shows to a snapshot. */

export type UserRow = { id: Uint8Array; auth_key: Uint8Array; token_hash: Uint8Array }
export const users = defineTable<UserRow>("qs_user", ["id"], ["id", "auth_key", "token_hash"])

export type FriendshipRow = { token_hash: Uint8Array; user_id: Uint8Array }
export const friendships = defineTable<FriendshipRow>(
  "qs_friendship",
  ["token_hash"],
  ["token_hash", "user_id"],
)

export type ClientRow = {
  id: Uint8Array
  user_id: Uint8Array
  auth_key: Uint8Array
  /** Sealed (client-state.ts). */
  state: Uint8Array
}
export const clients = defineTable<ClientRow>("qs_client", ["id"], ["id", "user_id", "auth_key", "state"])

export type UserClientRow = { user_id: Uint8Array; client_id: Uint8Array }
export const userClients = defineTable<UserClientRow>(
  "qs_user_client",
  ["user_id", "client_id"],
  ["user_id", "client_id"],
)

export type AddPackageRow = { client_id: Uint8Array; last_resort: number; id: Uint8Array; body: Uint8Array }
export const addPackages = defineTable<AddPackageRow>(
  "qs_add_package",
  ["client_id", "last_resort", "id"],
  ["client_id", "last_resort", "id", "body"],
)

/** The queues' records; a queue has its client's id. */
export const QUEUE_TABLE = "qs_queue"
export const queues = queueTable(QUEUE_TABLE)
