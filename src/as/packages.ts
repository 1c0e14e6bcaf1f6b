import type { CryptoProvider } from "../crypto/provider.ts"
import { CONNECTION_PACKAGES_MAX, ID_BYTES } from "../limits.ts"
import { type Effect, put, remove } from "../store/database.ts"
import { equal, toHex } from "../wire/bytes.ts"
import { decodeConnectionPackage, requirePackageOf } from "../wire/connection.ts"
import { decodeIssuedCredential } from "../wire/credential-format.ts"
import { CredentialError } from "../wire/credentials.ts"
import { Problem } from "../wire/problem.ts"
import { CodecError } from "../wire/tls.ts"
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
 * Adds packages to those that the client has stored already. Expired ones make room; a package that is stored
 * already, because this is a repetition, is not stored twice. `now` in seconds.
 *
 * @throws Problem as.too-many-connection-packages
 */
export function addPackages(
  crypto: CryptoProvider,
  key: ClientKey,
  stored: readonly PackageRow[],
  added: CheckedPackages,
  now: number,
): Effect[] {
  const valid = stored.filter((row) => isValid(row, now))
  const fresh = added.filter((body) => !valid.some((row) => equal(row.body, body)))
  if (valid.length + fresh.length > CONNECTION_PACKAGES_MAX) {
    throw new Problem("as.too-many-connection-packages")
  }
  const expired = stored.filter((row) => !valid.includes(row))
  return [...expired.map(removePackage), ...putPackages(crypto, key, fresh)]
}

/** What a claim takes, and what it changes. The body is a copy: a row of the same epoch is a view of its request. */
export interface Claim {
  readonly body: Uint8Array
  readonly effects: readonly Effect[]
}

/**
 * Chooses one of a user's stored packages at random, over all clients of the user, that is valid now (seconds). It
 * goes, unless it is the last one of its client that is.
 *
 * @returns undefined if there is none
 */
export function choosePackage(
  crypto: CryptoProvider,
  stored: readonly PackageRow[],
  now: number,
): Claim | undefined {
  const valid = stored.filter((row) => isValid(row, now))
  if (valid.length === 0) return undefined
  const chosen = valid[randomBelow(crypto, valid.length)] as PackageRow
  const ofClient = valid.filter((row) => equal(row.client, chosen.client))
  return { body: chosen.body.slice(), effects: ofClient.length > 1 ? [removePackage(chosen)] : [] }
}

function removePackage({ user, client, package: id }: PackageRow): Effect {
  return remove(packages, { user, client, package: id })
}

/** The client credential in a stored package. */
export function ownerOf(body: Uint8Array): Uint8Array {
  return decodeConnectionPackage(body).clientCredential
}

function isValid({ body }: PackageRow, now: number): boolean {
  const { notBefore, notAfter } = decodeConnectionPackage(body).expiration
  return notBefore <= now && now <= notAfter
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
