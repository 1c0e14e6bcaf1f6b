import type { CryptoProvider } from "../crypto/provider.ts"
import { randomBelow } from "../crypto/random-below.ts"
import { ID_BYTES } from "../limits.ts"
import { type Effect, put, remove, type View } from "../store/database.ts"
import { numberedId } from "../veil/numbered.ts"
import { concat, equal } from "../wire/bytes.ts"
import {
  type AddPackageRow,
  addPackages,
  type ClientRow,
  clients,
  friendships,
  type UserRow,
  users,
} from "./tables.ts"

/** Reading and changing the QS's rows; the rules are with the operations. */

export function putUser(user: UserRow): Effect[] {
  return [put(users, user), put(friendships, { token_hash: user.token_hash, user_id: user.id })]
}

export function removeUser({ id, token_hash }: UserRow): Effect[] {
  return [remove(users, { id }), remove(friendships, { token_hash })]
}

export function userOfToken(view: View, tokenHash: Uint8Array): UserRow | undefined {
  const id = view.get(friendships, { token_hash: tokenHash })?.user_id
  return id === undefined ? undefined : view.get(users, { id })
}

/** Ids of the user's clients, the oldest first. */
export function clientsOf({ clients: ids }: UserRow): Uint8Array[] {
  return Array.from({ length: ids.length / ID_BYTES }, (_, i) =>
    ids.subarray(i * ID_BYTES, (i + 1) * ID_BYTES),
  )
}

export function withClient(user: UserRow, client: Uint8Array): UserRow {
  return { ...user, clients: concat(user.clients, client) }
}

export function withoutClients(user: UserRow, gone: readonly Uint8Array[]): UserRow {
  const left = clientsOf(user).filter((client) => !gone.some((id) => equal(id, client)))
  return { ...user, clients: concat(...left) }
}

/** Removes a client's record with its AddPackages; its queue is the engine's to remove. */
export function removeClient({ id, add_packages }: ClientRow): Effect[] {
  return [remove(clients, { id }), ...[...add_packages].map((number) => removeAddPackage(id, number))]
}

/** The number of the AddPackage that is handed out again and again. */
const LAST_RESORT = 0

/** How many AddPackages the client has beside that of last resort. */
export function countNormalAddPackages(client: ClientRow): number {
  return normalOf(client).length
}

/** Puts these AddPackages in place of all that the client has. */
export function replaceAddPackages(
  client: ClientRow,
  lastResort: Uint8Array,
  normal: readonly Uint8Array[],
): Effect[] {
  const bodies = [lastResort, ...normal]
  const stale = [...client.add_packages].filter((number) => number >= bodies.length)
  return [
    put(clients, { ...client, add_packages: Uint8Array.from(bodies.keys()) }),
    ...stale.map((number) => removeAddPackage(client.id, number)),
    ...bodies.map((body, number) => put(addPackages, { id: numberedId(client.id, number), body })),
  ]
}

/** An AddPackage that is handed out, and what that changes. */
export interface Claimed {
  readonly body: Uint8Array
  readonly effects: readonly Effect[]
}

/** Any of the client's normal AddPackages, which is used up, or undefined. */
export function claimNormal(crypto: CryptoProvider, view: View, client: ClientRow): Claimed | undefined {
  const normal = normalOf(client)
  if (normal.length === 0) return undefined
  const number = normal[randomBelow(crypto, normal.length)] as number
  const left = client.add_packages.filter((other) => other !== number)
  const effects = [put(clients, { ...client, add_packages: left }), removeAddPackage(client.id, number)]
  return { ...addPackage(view, client, number), effects }
}

/** The client's AddPackage of last resort, if it has published one. */
export function claimLastResort(view: View, client: ClientRow): Claimed | undefined {
  if (!client.add_packages.includes(LAST_RESORT)) return undefined
  return { ...addPackage(view, client, LAST_RESORT), effects: [] }
}

function normalOf({ add_packages }: ClientRow): number[] {
  return [...add_packages].filter((number) => number !== LAST_RESORT)
}

function addPackage(view: View, { id }: ClientRow, number: number): AddPackageRow {
  const row = view.get(addPackages, { id: numberedId(id, number) })
  if (row === undefined) throw new Error("an AddPackage is missing that its client's record names")
  return row
}

function removeAddPackage(client: Uint8Array, number: number): Effect {
  return remove(addPackages, { id: numberedId(client, number) })
}
