import { labels } from "../crypto/labels.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { KEY_BYTES } from "../limits.ts"

/**
 * The DS's own secret in a group: 32 random bytes that are made with the group's id and then lie sealed in its head. So
 * nothing that the DS signs links two groups, there is no key of the whole server to keep or to rotate, and the data hold
 * none without a member's EAR key. A member with a copy of the data could sign as the DS in its group, to no avail: the DS
 * lets nobody hand in proposals in its name, and no commit refer to one that it has not stored.
 */
export function makeGroupSecret(crypto: CryptoProvider): Uint8Array {
  return crypto.random(KEY_BYTES)
}

/** The Ed25519 seed with which the DS proposes removals; the caller's to wipe. */
export function removalSeed(crypto: CryptoProvider, secret: Uint8Array): Uint8Array {
  return crypto.hkdfExpand(secret, labels.removalKey, KEY_BYTES)
}

/** The X25519 key that opens reports of queues that are gone; the caller's to wipe. */
export function reportSecretKey(crypto: CryptoProvider, secret: Uint8Array): Uint8Array {
  return crypto.hkdfExpand(secret, labels.reportKey, KEY_BYTES)
}

/** The public key of {@link reportSecretKey}. */
export function reportPublicKey(crypto: CryptoProvider, secret: Uint8Array): Uint8Array {
  const secretKey = reportSecretKey(crypto, secret)
  const key = crypto.x25519Public(secretKey)
  wipe(secretKey)
  return key
}

/** The public key of {@link removalSeed}. */
export function removalKey(crypto: CryptoProvider, secret: Uint8Array): Uint8Array {
  const seed = removalSeed(crypto, secret)
  const key = crypto.ed25519Public(seed)
  wipe(seed)
  return key
}
