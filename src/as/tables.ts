import { CONNECTION_PACKAGES_MAX, HASH_BYTES, ID_BYTES, KEY_BYTES } from "../limits.ts"
import { queueTable } from "../queue/slots.ts"
import { defineTable } from "../store/database.ts"
import { defineVeiled } from "../veil/table.ts"
import { ALIAS_PACKAGE_BYTES } from "../wire/alias-package.ts"

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

/** `package`: 16 random bytes. */
export type ClientPackageRow = ClientKey & { package: Uint8Array; body: Uint8Array }
export const packages = defineTable<ClientPackageRow>(
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

export type AliasRow = {
  /** Its hash, 32 bytes. */
  alias: Uint8Array
  auth_key: Uint8Array
  /** Id of its connection queue, 16 random bytes. */
  queue: Uint8Array
  /** Numbers of its packages, one byte each. */
  packages: Uint8Array
}
export const aliases = defineVeiled<AliasRow>(
  "as_alias",
  ["alias", "auth_key", "queue", "packages"],
  HASH_BYTES + KEY_BYTES + ID_BYTES + CONNECTION_PACKAGES_MAX,
)

export type AliasPackageRow = {
  /** The alias's hash and a number. */
  id: Uint8Array
  body: Uint8Array
}
export const aliasPackages = defineVeiled<AliasPackageRow>(
  "as_alias_package",
  ["id", "body"],
  HASH_BYTES + 1 + ALIAS_PACKAGE_BYTES,
)

/** Connection queues. A client's has its 32-byte id, an alias's 16 bytes of its own, so that nobody can name one as the other. */
export const queues = queueTable("as_queue")

export const veiledTables = [queues, aliases, aliasPackages]

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
