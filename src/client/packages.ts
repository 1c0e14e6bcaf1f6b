import type { CryptoProvider } from "../crypto/provider.ts"
import { CLIENT_CREDENTIAL_SECONDS, QUEUE_RETENTION_MONTHS } from "../limits.ts"
import { equal, toHex } from "../wire/bytes.ts"
import { lifetime } from "../wire/credentials.ts"
import { sealCredential } from "../wire/encrypted-credential.ts"
import { qs } from "../wire/qs.ts"
import { LAST_RESORT_EXTENSION_TYPE, QUEUE_CONFIG_EXTENSION_TYPE } from "../wire/queue-config.ts"
import { freshLeaf, freshQueueConfig } from "./leaves.ts"
import type { Membership } from "./mls/member.ts"
import { at, change, load, removal } from "./record-store.ts"
import { PublishedAddPackages, type RegisteredAccount, StoredKeyPackage } from "./records.ts"
import { queueSigner } from "./signers.ts"
import type { ClientStore, StoreChange } from "./store.ts"
import type { Transport } from "./transport.ts"

/** How many AddPackages are published at a time, beside the one of last resort. */
const ADD_PACKAGES = 16
/** New ones are published when fewer than this many are known to be left. */
const ADD_PACKAGES_LOW = 6

/** A secret outlives its package's end by this much: for so long what was sealed to it may lie in a queue. */
const SECRET_SECONDS = QUEUE_RETENTION_MONTHS * 31 * 86_400

interface PublishParts {
  readonly account: RegisteredAccount
  readonly crypto: CryptoProvider
  readonly membership: Membership
  readonly store: ClientStore
  readonly transport: Transport
}

/** Whether AddPackages should be published: few are left, or they are due and new ones would have another credential. */
export async function wantsAddPackages(parts: PublishParts, due: boolean): Promise<boolean> {
  const { account, store } = parts
  const published = await load(store, PublishedAddPackages, at.addPackages)
  if (published === undefined) return true
  if (due && !equal(account.credential, published.credential)) return true
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
  await store.transaction([...made.map(({ stored }) => stored), ...(await outlived(parts))])
  const signer = queueSigner(account)
  await transport.call(
    qs.publishAddPackages,
    { addPackages: made.map(({ addPackage }) => addPackage) },
    signer,
  )
  const refs = made.flatMap(({ ref, lastResort }) => (lastResort ? [] : [ref]))
  const { credential } = account
  await store.transaction([change(PublishedAddPackages, at.addPackages, { refs, credential })])
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
  const { credential, notAfter } = life
  return {
    addPackage: {
      keyPackage,
      encryptedCredential: sealCredential(crypto, "add-package", account.friendshipKey, publicKey, owner),
    },
    ref: name,
    lastResort,
    stored: change(StoredKeyPackage, at.keyPackage(name), {
      keyPackage,
      ...secrets,
      lastResort,
      credential,
      notAfter,
    }),
  }
}

/** Removes the secrets of packages for which nothing can come any more. */
async function outlived({ store, transport }: PublishParts): Promise<StoreChange[]> {
  const changes: StoreChange[] = []
  for (const key of await store.list("key-package/")) {
    const stored = await load(store, StoredKeyPackage, key)
    if (stored !== undefined && stored.notAfter + SECRET_SECONDS < transport.now()) changes.push(removal(key))
  }
  return changes
}
