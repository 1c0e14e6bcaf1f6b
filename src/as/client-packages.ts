import type { CryptoProvider } from "../crypto/provider.ts"
import { CLIENTS_PER_USER_MAX, CONNECTION_PACKAGES_MAX, ID_BYTES } from "../limits.ts"
import { type Effect, put, remove } from "../store/database.ts"
import { equal } from "../wire/bytes.ts"
import type { PackageShelf } from "./packages.ts"
import { type ClientKey, type ClientPackageRow, packages } from "./tables.ts"

export const PACKAGES_PER_USER_MAX = CLIENTS_PER_USER_MAX * CONNECTION_PACKAGES_MAX

/** Stores packages of a client under random ids, so that their order says nothing. */
export function putClientPackages(
  crypto: CryptoProvider,
  { user, client }: ClientKey,
  bodies: readonly Uint8Array[],
): Effect[] {
  return bodies.map((body) => put(packages, { user, client, package: crypto.random(ID_BYTES), body }))
}

export function removeClientPackage({ user, client, package: id }: ClientPackageRow): Effect {
  return remove(packages, { user, client, package: id })
}

/** The packages of all clients of a user. */
export function shelfOfUser(user: Uint8Array): PackageShelf<ClientPackageRow> {
  return {
    target: user,
    list: (view) => view.list(packages, { user }, PACKAGES_PER_USER_MAX),
    isOfSameOwner: (one, other) => equal(one.client, other.client),
    remove: (_, row) => [removeClientPackage(row)],
  }
}
