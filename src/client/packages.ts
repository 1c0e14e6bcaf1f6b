import type { CryptoProvider } from "../crypto/provider.ts"
import { CLIENT_CREDENTIAL_SECONDS } from "../limits.ts"
import { lifetime } from "../wire/credentials.ts"
import { sealCredential } from "../wire/encrypted-credential.ts"
import { qs } from "../wire/qs.ts"
import { LAST_RESORT_EXTENSION_TYPE, QUEUE_CONFIG_EXTENSION_TYPE } from "../wire/queue-config.ts"
import type { RegisteredAccount } from "./context.ts"
import { freshLeaf, freshQueueConfig } from "./leaves.ts"
import type { Membership } from "./mls/member.ts"
import { at, change, load, StoredKeyPackage } from "./records.ts"
import type { ClientStore, StoreChange } from "./store.ts"
import type { Transport } from "./transport.ts"

/** How many AddPackages are published at a time, beside the one of last resort. */
const ADD_PACKAGES = 16
/** New ones are published when fewer than this many are known to be left. */
export const ADD_PACKAGES_LOW = 6

interface PublishParts {
  readonly account: RegisteredAccount
  readonly crypto: CryptoProvider
  readonly membership: Membership
  readonly store: ClientStore
  readonly transport: Transport
}

/**
 * Replaces all published AddPackages by new ones. Every package has a leaf of its own. Their lifetimes begin with the
 * month: the QS stores them, and exact times would tell which of its clients were set up together with which AS users.
 * The secrets of the old ones stay: somebody may have claimed them.
 */
export async function publishAddPackages(parts: PublishParts): Promise<void> {
  const { account, store, transport } = parts
  const made = []
  for (let i = 0; i <= ADD_PACKAGES; i++) made.push(await makeAddPackage(parts, i === 0))
  await store.transaction(made.map(({ stored }) => stored))
  const signer = { sender: { kind: "qs-client", id: account.qs.client }, seed: account.qsClientSeed } as const
  await transport.call(
    qs.publishAddPackages,
    { addPackages: made.map(({ addPackage }) => addPackage) },
    signer,
  )
}

async function makeAddPackage(
  { account, crypto, membership, transport }: PublishParts,
  lastResort: boolean,
): Promise<{
  readonly addPackage: { readonly keyPackage: Uint8Array; readonly encryptedCredential: Uint8Array }
  readonly stored: StoreChange
}> {
  const now = transport.now()
  const { leaf, publicKey, owner } = freshLeaf(crypto, account, now)
  const extensions = [{ type: QUEUE_CONFIG_EXTENSION_TYPE, data: freshQueueConfig(crypto, account) }]
  if (lastResort) extensions.push({ type: LAST_RESORT_EXTENSION_TYPE, data: new Uint8Array(0) })
  const { keyPackage, ref, secrets } = await membership.keyPackage({
    leaf,
    lifetime: lifetime(now, CLIENT_CREDENTIAL_SECONDS),
    extensions,
  })
  return {
    addPackage: {
      keyPackage,
      encryptedCredential: sealCredential(crypto, "add-package", account.friendshipKey, publicKey, owner),
    },
    stored: change(StoredKeyPackage, at.keyPackage(ref), { keyPackage, ...secrets, lastResort }),
  }
}

/** How many AddPackages that can be used once have not been, as far as this client knows. */
export async function unusedAddPackages(store: ClientStore): Promise<number> {
  let count = 0
  for (const key of await store.list("key-package/")) {
    const stored = await load(store, StoredKeyPackage, key)
    if (stored?.lastResort === false) count += 1
  }
  return count
}
