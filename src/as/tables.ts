import { ID_BYTES } from "../limits.ts"
import { queueTable } from "../queue/slots.ts"
import { defineTable } from "../store/database.ts"
import type { PackageColumns } from "./packages.ts"

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

export const packages = defineTable<PackageColumns>(
  "as_connection_package",
  ["user", "client", "package"],
  ["user", "client", "package", "body"],
)

/** Profiles of users, in parts. */
export const profiles = defineTable<{ user: Uint8Array; part: number; body: Uint8Array }>(
  "as_profile",
  ["user", "part"],
  ["user", "part", "body"],
)

/** An alias's hash, 32 bytes. */
export type AliasKey = { alias: Uint8Array }

export type AliasRow = AliasKey & { auth_key: Uint8Array; queue: Uint8Array }
export const aliases = defineTable<AliasRow>("as_alias", ["alias"], ["alias", "auth_key", "queue"])

export const aliasPackages = defineTable<PackageColumns>(
  "as_alias_package",
  ["alias", "package"],
  ["alias", "package", "body"],
)

/** Connection queues. A client's has its 32-byte id, an alias's 16 bytes of its own, so that nobody can name one as the other. */
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
