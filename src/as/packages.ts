import type { CryptoProvider } from "../crypto/provider.ts"
import { CONNECTION_PACKAGES_MAX, ID_BYTES } from "../limits.ts"
import { type Effect, put, remove } from "../store/database.ts"
import { equal, toHex } from "../wire/bytes.ts"
import { decodeConnectionPackage, requirePackageOf } from "../wire/connection.ts"
import { decodeIssuedCredential } from "../wire/credential-format.ts"
import { CredentialError } from "../wire/credentials.ts"
import { Problem } from "../wire/problem.ts"
import { CodecError } from "../wire/tls.ts"
import type { Authority } from "./authority.ts"
import { type ClientKey, type PackageRow, packages } from "./tables.ts"

/** The rules for connection packages (PROTOCOL.md section 4.3); service.ts says who may call what. */

declare const checked: unique symbol
/** Connection packages that belong to the client they are to be stored for; only {@link checkPackages} makes them. */
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
  const encryptionKeys = new Set<string>()
  try {
    for (const body of bodies) {
      const connectionPackage = decodeConnectionPackage(body)
      if (!equal(connectionPackage.clientCredential, credential)) throw new CredentialError("unknown-issuer")
      requirePackageOf(crypto, client, connectionPackage, now)
      encryptionKeys.add(toHex(connectionPackage.encryptionKey))
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
export function putPackages(crypto: CryptoProvider, key: ClientKey, bodies: readonly Uint8Array[]): Effect[] {
  return bodies.map((body) => put(packages, { ...key, package: crypto.random(ID_BYTES), body }))
}

/**
 * Adds packages to those that the client has stored already, and says how many can be claimed then. Those that cannot
 * make room; a package that is stored already, because this is a repetition, is not stored twice.
 *
 * @throws Problem as.too-many-connection-packages
 */
export function addPackages(
  crypto: CryptoProvider,
  key: ClientKey,
  stored: readonly PackageRow[],
  added: CheckedPackages,
  isUsable: (row: PackageRow) => boolean,
): { readonly effects: readonly Effect[]; readonly left: number } {
  const usable = stored.filter(isUsable)
  const fresh = added.filter((body) => !usable.some((row) => equal(row.body, body)))
  const left = usable.length + fresh.length
  if (left > CONNECTION_PACKAGES_MAX) throw new Problem("as.too-many-connection-packages")
  const others = stored.filter((row) => !usable.includes(row))
  return { effects: [...others.map(removePackage), ...putPackages(crypto, key, fresh)], left }
}

/** What a claim takes, and what it changes. The body is a copy: a row of the same epoch is a view of its request. */
export interface Claim {
  readonly body: Uint8Array
  readonly effects: readonly Effect[]
}

/**
 * Chooses one of a user's stored packages at random, over all clients of the user, among those that can be claimed. It
 * goes, unless it is the last one of its client that can.
 *
 * @returns undefined if there is none
 */
export function choosePackage(
  crypto: CryptoProvider,
  stored: readonly PackageRow[],
  isUsable: (row: PackageRow) => boolean,
): Claim | undefined {
  const usable = stored.filter(isUsable)
  if (usable.length === 0) return undefined
  const chosen = usable[randomBelow(crypto, usable.length)] as PackageRow
  const ofClient = usable.filter((row) => equal(row.client, chosen.client))
  return { body: chosen.body.slice(), effects: ofClient.length > 1 ? [removePackage(chosen)] : [] }
}

function removePackage({ user, client, package: id }: PackageRow): Effect {
  return remove(packages, { user, client, package: id })
}

/** Whether whoever claims a package could use it: it is valid now (seconds), and its owner is not revoked. */
export function isUsable({ body }: PackageRow, authority: Authority, now: number): boolean {
  const { expiration, clientCredential } = decodeConnectionPackage(body)
  const { notBefore, notAfter } = expiration
  return notBefore <= now && now <= notAfter && authority.isAccepted(clientCredential)
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
