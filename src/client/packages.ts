import type { CryptoProvider } from "../crypto/provider.ts"
import { CLIENT_CREDENTIAL_SECONDS, KEY_BYTES, QUEUE_RETENTION_MONTHS } from "../limits.ts"
import { as } from "../wire/as.ts"
import { toHex } from "../wire/bytes.ts"
import { connectionPackageRef, makeConnectionPackage } from "../wire/connection.ts"
import { decodeIssuedCredential } from "../wire/credential-format.ts"
import { lifetime } from "../wire/credentials.ts"
import { sealCredential } from "../wire/encrypted-credential.ts"
import { qs } from "../wire/qs.ts"
import { LAST_RESORT_EXTENSION_TYPE, QUEUE_CONFIG_EXTENSION_TYPE } from "../wire/queue-config.ts"
import { freshLeaf, freshQueueConfig } from "./leaves.ts"
import type { Membership } from "./mls/member.ts"
import {
  type Account,
  at,
  change,
  load,
  PublishedAddPackages,
  PublishedConnectionPackages,
  type RegisteredAccount,
  removal,
  StoredConnectionPackage,
  StoredKeyPackage,
} from "./records.ts"
import type { ClientStore, StoreChange } from "./store.ts"
import type { Signer, Transport } from "./transport.ts"

/** How many AddPackages are published at a time, beside the one of last resort. */
const ADD_PACKAGES = 16
/** New ones are published when fewer than this many are known to be left. */
const ADD_PACKAGES_LOW = 6
const CONNECTION_PACKAGES = 8
/** New ones are published when the AS has fewer than this many. */
const CONNECTION_PACKAGES_LOW = 4
/** A secret outlives its package's end by this much: for so long what was sealed to it may lie in a queue. */
const SECRET_SECONDS = QUEUE_RETENTION_MONTHS * 31 * 86_400

type Owner = Pick<Account, "clientSeed"> & { readonly credential: Uint8Array }

function endOf({ credential }: Pick<Owner, "credential">): number {
  return decodeIssuedCredential("client", credential).expiration.notAfter
}

/** Connection packages, and the changes that keep their secrets; those must be stored before the packages are sent. */
export function makeConnectionPackages(
  crypto: CryptoProvider,
  account: Owner,
  now: number,
): { readonly packages: Uint8Array[]; readonly changes: StoreChange[] } {
  const packages: Uint8Array[] = []
  const changes: StoreChange[] = []
  const notAfter = endOf(account)
  for (let i = 0; i < CONNECTION_PACKAGES; i++) {
    const secretKey = crypto.random(KEY_BYTES)
    const encryptionKey = crypto.x25519Public(secretKey)
    packages.push(makeConnectionPackage(crypto, account.clientSeed, account.credential, encryptionKey, now))
    const key = at.connectionPackage(connectionPackageRef(crypto, encryptionKey))
    changes.push(change(StoredConnectionPackage, key, { secretKey, notAfter }))
  }
  return { packages, changes }
}

/** Remembers that the AS has connection packages with this credential. */
export function connectionPackagesPublished(account: Pick<Owner, "credential">): StoreChange {
  return change(PublishedConnectionPackages, at.connectionPackages, { notAfter: endOf(account) })
}

interface PublishParts {
  readonly account: RegisteredAccount
  readonly crypto: CryptoProvider
  readonly membership: Membership
  readonly store: ClientStore
  readonly transport: Transport
}

/**
 * Asks the AS how many connection packages it has, and publishes more if these are few or if the credential was renewed
 * since. Those with the credential before stay there until they end: others may claim them, and can.
 */
export async function replenishConnectionPackages(parts: PublishParts): Promise<void> {
  const { account, crypto, store, transport } = parts
  const signer: Signer = { sender: { kind: "client", id: account.clientId }, seed: account.clientSeed }
  const publish = (connectionPackages: Uint8Array[]) =>
    transport.call(as.publishConnectionPackages, { connectionPackages }, signer)
  const published = await load(store, PublishedConnectionPackages, at.connectionPackages)
  const isRenewed = endOf(account) > (published?.notAfter ?? 0)
  if (!isRenewed && (await publish([])).left >= CONNECTION_PACKAGES_LOW) return
  const { packages, changes } = makeConnectionPackages(crypto, account, transport.now())
  await store.transaction([
    ...changes,
    ...(await outlived(parts, "connection-package/", StoredConnectionPackage)),
  ])
  await publish(packages)
  await store.transaction([connectionPackagesPublished(account)])
}

/** Whether AddPackages should be published: few are left, or they end before long and new ones would last longer. */
export async function wantsAddPackages(parts: PublishParts, due: boolean): Promise<boolean> {
  const { account, store } = parts
  const published = await load(store, PublishedAddPackages, at.addPackages)
  if (published === undefined) return true
  if (due && endOf(account) > published.notAfter) return true
  let left = 0
  for (const ref of published.refs) if ((await store.get(at.keyPackage(ref))) !== undefined) left += 1
  return left < ADD_PACKAGES_LOW
}

/**
 * Replaces all published AddPackages by new ones. Every package has a leaf of its own. Their lifetimes begin with the
 * month: the QS stores them, and exact times would tell which of its clients were set up together with which AS users.
 * The secrets of the old ones stay for some time: somebody may have claimed them.
 */
export async function publishAddPackages(parts: PublishParts): Promise<void> {
  const { account, store, transport } = parts
  const made = []
  for (let i = 0; i <= ADD_PACKAGES; i++) made.push(await makeAddPackage(parts, i === 0))
  await store.transaction([
    ...made.map(({ stored }) => stored),
    ...(await outlived(parts, "key-package/", StoredKeyPackage)),
  ])
  const signer: Signer = { sender: { kind: "qs-client", id: account.qs.client }, seed: account.qsClientSeed }
  await transport.call(
    qs.publishAddPackages,
    { addPackages: made.map(({ addPackage }) => addPackage) },
    signer,
  )
  const refs = made.flatMap(({ ref, lastResort }) => (lastResort ? [] : [ref]))
  await store.transaction([change(PublishedAddPackages, at.addPackages, { refs, notAfter: endOf(account) })])
}

async function makeAddPackage(
  { account, crypto, membership, transport }: PublishParts,
  lastResort: boolean,
): Promise<{
  readonly addPackage: { readonly keyPackage: Uint8Array; readonly encryptedCredential: Uint8Array }
  /** Hexadecimal. */
  readonly ref: string
  readonly lastResort: boolean
  readonly stored: StoreChange
}> {
  const now = transport.now()
  const { leaf, publicKey, owner, life } = freshLeaf(crypto, account, now)
  const extensions = [{ type: QUEUE_CONFIG_EXTENSION_TYPE, data: freshQueueConfig(crypto, account) }]
  if (lastResort) extensions.push({ type: LAST_RESORT_EXTENSION_TYPE, data: new Uint8Array(0) })
  const { keyPackage, ref, secrets } = await membership.keyPackage({
    leaf,
    lifetime: lifetime(now, CLIENT_CREDENTIAL_SECONDS),
    extensions,
  })
  const name = toHex(ref)
  const { notAfter } = life
  return {
    addPackage: {
      keyPackage,
      encryptedCredential: sealCredential(crypto, "add-package", account.friendshipKey, publicKey, owner),
    },
    ref: name,
    lastResort,
    stored: change(StoredKeyPackage, at.keyPackage(name), { keyPackage, ...secrets, lastResort, notAfter }),
  }
}

/** Removes the secrets under a prefix for which nothing can come any more. */
async function outlived(
  { store, transport }: PublishParts,
  prefix: string,
  schema: typeof StoredKeyPackage | typeof StoredConnectionPackage,
): Promise<StoreChange[]> {
  const changes: StoreChange[] = []
  for (const key of await store.list(prefix)) {
    const stored = await load(store, schema, key)
    if (stored !== undefined && stored.notAfter + SECRET_SECONDS < transport.now()) changes.push(removal(key))
  }
  return changes
}
