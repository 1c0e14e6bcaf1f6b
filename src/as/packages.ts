import type { CryptoProvider } from "../crypto/provider.ts"
import { CLIENTS_PER_USER_MAX, CONNECTION_PACKAGES_MAX, ID_BYTES } from "../limits.ts"
import { type Effect, put, remove, type Table } from "../store/database.ts"
import { equal, toHex } from "../wire/bytes.ts"
import { decodeConnectionPackage, requirePackageOf } from "../wire/connection.ts"
import { payloadOf } from "../wire/connection-payload.ts"
import { decodeIssuedCredential } from "../wire/credential-format.ts"
import { CredentialError } from "../wire/credentials.ts"
import { Problem } from "../wire/problem.ts"
import { CodecError } from "../wire/tls.ts"

/**
 * The rules for connection packages (PROTOCOL.md section 4.3), those of clients and those of aliases alike;
 * connections.ts and aliases.ts say who may call what.
 */

/** Names an owner of packages: some columns of the key of its table. */
export type OwnerKey = { [column: string]: Uint8Array }
/** A package as it is stored: its owner, 16 random bytes and the package. */
export type PackageColumns = OwnerKey & { package: Uint8Array; body: Uint8Array }
export type PackageTable = Table<PackageColumns>

export const PACKAGES_PER_USER_MAX = CLIENTS_PER_USER_MAX * CONNECTION_PACKAGES_MAX

declare const checked: unique symbol
/** Connection packages that belong to the owner they are to be stored for; only {@link checkEach} makes them. */
export type CheckedPackages = readonly Uint8Array[] & { readonly [checked]: true }

/**
 * Checks that every package carries exactly the client's registered credential, is signed with its key, is valid now
 * and within the credential's lifetime, and has an encryption key of its own. `now` in seconds.
 *
 * @throws Problem as.invalid-connection-package
 */
export function checkPackages(
  crypto: CryptoProvider,
  credential: Uint8Array,
  bodies: readonly Uint8Array[],
  now: number,
): CheckedPackages {
  const { request, expiration } = decodeIssuedCredential("client", credential)
  const client = { publicKey: request.publicKey, expiration }
  return checkEach(bodies, (body) => {
    const connectionPackage = decodeConnectionPackage(body)
    if (!equal(connectionPackage.clientCredential, credential)) throw new CredentialError("unknown-issuer")
    requirePackageOf(crypto, client, connectionPackage, now)
  })
}

/**
 * Checks packages by a function that throws CredentialError or CodecError, and that no two have the same encryption key.
 *
 * @throws Problem as.invalid-connection-package
 */
export function checkEach(bodies: readonly Uint8Array[], check: (body: Uint8Array) => void): CheckedPackages {
  const encryptionKeys = new Set<string>()
  try {
    for (const body of bodies) {
      check(body)
      encryptionKeys.add(toHex(payloadOf(body).encryptionKey))
    }
  } catch (error) {
    if (error instanceof CredentialError || error instanceof CodecError) throw invalidPackage()
    throw error
  }
  if (encryptionKeys.size !== bodies.length) throw invalidPackage()
  return bodies as CheckedPackages
}

function invalidPackage(): Problem {
  return new Problem("as.invalid-connection-package")
}

/** Stores packages under random ids. */
export function putPackages(
  crypto: CryptoProvider,
  table: PackageTable,
  owner: OwnerKey,
  bodies: readonly Uint8Array[],
): Effect[] {
  return bodies.map((body) => put(table, { ...owner, package: crypto.random(ID_BYTES), body }))
}

/**
 * Adds packages to those that the owner has stored already, and says how many can be claimed then. Those that cannot
 * make room; a package that is stored already, because this is a repetition, is not stored twice.
 *
 * @throws Problem as.too-many-connection-packages
 */
export function addPackages(
  crypto: CryptoProvider,
  table: PackageTable,
  owner: OwnerKey,
  stored: readonly PackageColumns[],
  added: CheckedPackages,
  isUsable: (row: PackageColumns) => boolean,
): { readonly effects: readonly Effect[]; readonly left: number } {
  const usable = stored.filter(isUsable)
  const fresh = added.filter((body) => !usable.some((row) => equal(row.body, body)))
  const left = usable.length + fresh.length
  if (left > CONNECTION_PACKAGES_MAX) throw new Problem("as.too-many-connection-packages")
  const others = stored.filter((row) => !usable.includes(row))
  const removals = others.map((row) => removePackage(table, row))
  return { effects: [...removals, ...putPackages(crypto, table, owner, fresh)], left }
}

/** What a claim takes, and what it changes. The body is a copy: a row of the same epoch is a view of its request. */
export interface Claim {
  readonly body: Uint8Array
  readonly effects: readonly Effect[]
}

/**
 * Chooses one of the stored packages that can be claimed. An owner's last one by its random id is handed out
 * again and again, when there is no other, or the claim may not use one up; the others are each handed out once, in random
 * order. Rows of several owners, the clients of one user, take turns at random.
 *
 * @returns undefined if there is none
 */
export function choosePackage(
  crypto: CryptoProvider,
  table: PackageTable,
  stored: readonly PackageColumns[],
  isUsable: (row: PackageColumns) => boolean,
  mayConsume: boolean,
): Claim | undefined {
  const usable = stored.filter(isUsable)
  if (usable.length === 0) return undefined
  const any = chooseAny(crypto, usable)
  const ofOwner = usable.filter((row) => hasSameOwner(table, row, any))
  const single = ofOwner.slice(0, -1)
  if (mayConsume && single.length > 0) {
    const chosen = chooseAny(crypto, single)
    return { body: chosen.body.slice(), effects: [removePackage(table, chosen)] }
  }
  const last = ofOwner.at(-1) as PackageColumns
  return { body: last.body.slice(), effects: [] }
}

function hasSameOwner(table: PackageTable, a: PackageColumns, b: PackageColumns): boolean {
  return table.key.every(
    (column) => column === "package" || equal(a[column] as Uint8Array, b[column] as Uint8Array),
  )
}

export function removePackage(table: PackageTable, { body: _, ...key }: PackageColumns): Effect {
  return remove(table, key as PackageColumns)
}

/** Whether a package of either kind is valid now (seconds). */
export function isValid({ body }: PackageColumns, now: number): boolean {
  const { notBefore, notAfter } = payloadOf(body).expiration
  return notBefore <= now && now <= notAfter
}

function chooseAny<T>(crypto: CryptoProvider, from: readonly T[]): T {
  return from[randomBelow(crypto, from.length)] as T
}

/** A uniformly distributed integer from 0 to `bound` - 1, for bounds up to 65 536. */
function randomBelow(crypto: CryptoProvider, bound: number): number {
  const limit = 0x1_0000 - (0x1_0000 % bound)
  for (;;) {
    const [high, low] = crypto.random(2) as unknown as [number, number]
    const value = 256 * high + low
    if (value < limit) return value % bound
  }
}
