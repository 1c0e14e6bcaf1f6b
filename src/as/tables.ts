import { ID_BYTES } from "../limits.ts"
import { queueTable } from "../queue/slots.ts"
import { defineTable } from "../store/database.ts"

/** The tables of db/as, whose migrations say what each shows to a snapshot. */

/** The two halves of a client id, 16 bytes each. */
export type ClientKey = { user: Uint8Array; client: Uint8Array }

export type ClientRow = ClientKey & { credential: Uint8Array }
export const clients = defineTable<ClientRow>(
  "as_client",
  ["user", "client"],
  ["user", "client", "credential"],
)

export type UserRow = { user: Uint8Array; record: Uint8Array }
export const users = defineTable<UserRow>("as_user", ["user"], ["user", "record"])

export type PackageRow = ClientKey & { package: Uint8Array; body: Uint8Array }
export const packages = defineTable<PackageRow>(
  "as_connection_package",
  ["user", "client", "package"],
  ["user", "client", "package", "body"],
)

/** Connection queues; a queue's id is its client's. */
export const queues = queueTable("as_queue")

export type TokenKeyRow = { month: number; seed: Uint8Array }
export const tokenKeys = defineTable<TokenKeyRow>("as_token_key", ["month"], ["month", "seed"])

export type AllowanceRow = { pseudonym: Uint8Array; draw: Uint8Array }
export const allowances = defineTable<AllowanceRow>("as_allowance", ["pseudonym"], ["pseudonym", "draw"])
export type InvitationRow = { month: number; used: Uint8Array }
export const invitations = defineTable<InvitationRow>("as_invitation", ["month", "used"], ["month", "used"])

/** Splits a 32-byte client id into copies of its halves. */
export function clientKey(clientId: Uint8Array): ClientKey {
  return { user: clientId.slice(0, ID_BYTES), client: clientId.slice(ID_BYTES) }
}
