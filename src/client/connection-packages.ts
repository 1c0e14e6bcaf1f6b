import type { CryptoProvider } from "../crypto/provider.ts"
import { KEY_BYTES } from "../limits.ts"
import { connectionPackageRef, makeConnectionPackage } from "../wire/connection.ts"
import { payloadOf } from "../wire/connection-payload.ts"
import type { ClientContext } from "./context.ts"
import { ClientError, isSilence } from "./errors.ts"
import type { Inbox } from "./inbox.ts"
import { at, change, load, removal } from "./record-store.ts"
import { type Account, StoredConnectionPackage } from "./records.ts"
import type { ClientStore, StoreChange } from "./store.ts"

/** How many connection packages are published at a time. */
const CONNECTION_PACKAGES = 16
/** New ones are published when fewer than this many are left that were not used, as far as this client knows. */
const CONNECTION_PACKAGES_LOW = 8
/**
 * A package that can be claimed for less than this long counts as used, if a new one would last longer: the client may be
 * away for a while.
 */
const REMAINING_SECONDS_MIN = 30 * 86_400
/** For so long after its end a package's secret is kept: clocks differ, and requests take their time. */
const GRACE_SECONDS = 86_400

/** A package, and what is kept of it. */
interface MadePackage {
  readonly bytes: Uint8Array
  readonly key: string
  readonly stored: StoredConnectionPackage
}

/** The first connection packages of a client, and the changes that keep their secrets, which must be stored before. */
export function makeConnectionPackages(
  crypto: CryptoProvider,
  { clientSeed, credential }: Account & { readonly credential: Uint8Array },
  now: number,
): { readonly packages: Uint8Array[]; readonly changes: StoreChange[] } {
  const make = (key: Uint8Array) => makeConnectionPackage(crypto, clientSeed, credential, key, now)
  const made = makePackages(crypto, null, make)
  return { packages: made.map(({ bytes }) => bytes), changes: keep(made, "published") }
}

export function makePackages(
  crypto: CryptoProvider,
  alias: string | null,
  make: (encryptionKey: Uint8Array) => Uint8Array,
): MadePackage[] {
  return Array.from({ length: CONNECTION_PACKAGES }, () => {
    const secretKey = crypto.random(KEY_BYTES)
    const encryptionKey = crypto.x25519Public(secretKey)
    const bytes = make(encryptionKey)
    const expires = payloadOf(bytes).expiration.notAfter
    const key = at.connectionPackage(connectionPackageRef(crypto, encryptionKey))
    return { bytes, key, stored: { secretKey, alias, expires, state: "made" } }
  })
}

/** `published` at once, if they are part of something that is repeated until the AS has it. */
export function keep(made: readonly MadePackage[], state: StoredConnectionPackage["state"]): StoreChange[] {
  return made.map(({ key, stored }) => change(StoredConnectionPackage, key, { ...stored, state }))
}

/**
 * To be called when the inbox was read to its end. Forgets the secrets of packages that nobody can claim any more, and
 * publishes new packages if few are left.
 */
export async function tendPackages(context: ClientContext, inbox: Inbox): Promise<void> {
  const { store, transport } = context
  const stored = await storedPackages(store, inbox.alias)
  const over = stored.filter(({ expires }) => expires + GRACE_SECONDS < transport.now())
  await store.transaction(over.map(({ key }) => removal(key)))
  await replenishPackages(context, inbox)
}

/** Publishes new packages if few are left that were not used, as far as this client knows; `atMost`: as the server says. */
export async function replenishPackages(
  context: ClientContext,
  inbox: Inbox,
  atMost = Number.POSITIVE_INFINITY,
): Promise<void> {
  const { crypto, store, transport } = context
  const now = transport.now()
  const left = (await storedPackages(store, inbox.alias)).filter(({ state, expires }) => {
    return state === "published" && expires >= Math.min(now + REMAINING_SECONDS_MIN, inbox.packagesEnd())
  })
  if (Math.min(left.length, atMost) >= CONNECTION_PACKAGES_LOW) return
  const made = makePackages(crypto, inbox.alias, (key) => inbox.makePackage(key, now))
  await store.transaction(keep(made, "made"))
  try {
    await inbox.publish(made.map(({ bytes }) => bytes))
  } catch (error) {
    const refused = error instanceof ClientError && !isSilence(error)
    if (refused) await store.transaction(made.map(({ key }) => removal(key)))
    throw error
  }
  await store.transaction(keep(made, "published"))
}

interface Stored extends StoredConnectionPackage {
  readonly key: string
}

/** Those that were published under an alias, or the user id. */
export async function storedPackages(store: ClientStore, alias: string | null): Promise<Stored[]> {
  const found: Stored[] = []
  for (const key of await store.list("connection-package/")) {
    const stored = await load(store, StoredConnectionPackage, key)
    if (stored?.alias === alias) found.push({ ...stored, key })
  }
  return found
}
