import type { CryptoProvider } from "../crypto/provider.ts"
import { randomBelow } from "../crypto/random-below.ts"
import { CONNECTION_PACKAGES_MAX } from "../limits.ts"
import type { Effect, View } from "../store/database.ts"
import { equal, toHex } from "../wire/bytes.ts"
import { decodeConnectionPackage, requirePackageOf } from "../wire/connection.ts"
import { payloadOf } from "../wire/connection-payload.ts"
import { decodeIssuedCredential } from "../wire/credential-format.ts"
import { CredentialError } from "../wire/credentials.ts"
import { Problem } from "../wire/problem.ts"
import { CodecError } from "../wire/tls.ts"

/**
 * The rules for connection packages (docs/protocol.md section 4.3), those of clients and those of aliases alike;
 * connections.ts and aliases.ts say who may call what.
 */

/** A package as it is stored. */
export interface StoredPackage {
  readonly body: Uint8Array
}

/** Where the packages lie that answer one claim: those of a user's clients, or of an alias. */
export interface PackageShelf<Row extends StoredPackage> {
  /** For whom claims are counted. */
  readonly target: Uint8Array
  list(view: View): readonly Row[]
  isOfSameOwner(one: Row, other: Row): boolean
  remove(view: View, row: Row): readonly Effect[]
}

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

/** What becomes of an owner's packages when some are added. */
export interface Addition<Row> {
  /** They cannot be used any more, and make room. */
  readonly removed: readonly Row[]
  readonly fresh: readonly Uint8Array[]
  /** How many can be claimed then. */
  readonly left: number
}

/**
 * Adds packages to those that the owner has stored already. A package that is stored already, because this is a repetition,
 * is not stored twice.
 *
 * @throws Problem as.too-many-connection-packages
 */
export function addPackages<Row extends StoredPackage>(
  stored: readonly Row[],
  added: CheckedPackages,
  isUsable: (row: Row) => boolean,
): Addition<Row> {
  const usable = stored.filter(isUsable)
  const fresh = added.filter((body) => !usable.some((row) => equal(row.body, body)))
  const left = usable.length + fresh.length
  if (left > CONNECTION_PACKAGES_MAX) throw new Problem("as.too-many-connection-packages")
  return { removed: stored.filter((row) => !usable.includes(row)), fresh, left }
}

/** The package that a claim takes. The body is a copy: a row of the same epoch is a view of its request. */
export interface Choice<Row> {
  readonly row: Row
  readonly body: Uint8Array
  readonly isUsedUp: boolean
}

/**
 * Chooses one of the stored packages that can be claimed. An owner's last one in the order of the shelf is handed out
 * again and again, when there is no other, or the claim may not use one up; the others are each handed out once, in random
 * order. Rows of several owners, the clients of one user, take turns at random.
 *
 * @returns undefined if there is none
 */
export function choosePackage<Row extends StoredPackage>(
  crypto: CryptoProvider,
  { isOfSameOwner }: Pick<PackageShelf<Row>, "isOfSameOwner">,
  usable: readonly Row[],
  mayConsume: boolean,
): Choice<Row> | undefined {
  if (usable.length === 0) return undefined
  const any = chooseAny(crypto, usable)
  const ofOwner = usable.filter((row) => isOfSameOwner(row, any))
  const single = ofOwner.slice(0, -1)
  const isUsedUp = mayConsume && single.length > 0
  const row = isUsedUp ? chooseAny(crypto, single) : (ofOwner.at(-1) as Row)
  return { row, body: row.body.slice(), isUsedUp }
}

/** Whether a package of either kind is valid now (seconds). */
export function isValid({ body }: StoredPackage, now: number): boolean {
  const { notBefore, notAfter } = payloadOf(body).expiration
  return notBefore <= now && now <= notAfter
}

function chooseAny<T>(crypto: CryptoProvider, from: readonly T[]): T {
  return from[randomBelow(crypto, from.length)] as T
}
