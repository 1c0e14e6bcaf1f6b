import type { CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { utf8 } from "../wire/bytes.ts"
import { tokenKeyId, truncatedTokenKeyId } from "./token.ts"
import type { Voprf, VoprfKeyPair } from "./voprf.ts"

/** Bytes of the seed that an issuer key is kept as. */
export const ISSUER_SEED_BYTES = 32

const KEY_INFO = utf8("PrivacyPass")

/** What everybody may know of an issuer key. */
export interface IssuerPublicKey {
  /** Element, 32 bytes. */
  readonly publicKey: Uint8Array
  /** SHA-256 of it. */
  readonly keyId: Uint8Array
}

/** A key that issues tokens and recognises them. */
export interface IssuerKey extends IssuerPublicKey, VoprfKeyPair {}

/** The key of a seed of {@link ISSUER_SEED_BYTES} (RFC 9578 section 5.5); the seed stays the caller's to wipe. */
export function deriveIssuerKey(crypto: CryptoProvider, voprf: Voprf, seed: Uint8Array): IssuerKey {
  const pair = voprf.deriveKeyPair(seed, KEY_INFO)
  return { ...pair, keyId: tokenKeyId(crypto, pair.publicKey) }
}

/**
 * A random seed for a key that can issue beside others: requests name a key by the last byte of its id alone, so that
 * byte differs from theirs. There must be fewer than 256 others.
 */
export function makeIssuerSeed(
  crypto: CryptoProvider,
  voprf: Voprf,
  others: readonly IssuerPublicKey[],
): Uint8Array {
  const taken = new Set(others.map(({ keyId }) => truncatedTokenKeyId(keyId)))
  if (taken.size === 256) throw new RangeError("every truncated key id is taken")
  for (;;) {
    const seed = crypto.random(ISSUER_SEED_BYTES)
    const { keyId, secretKey } = deriveIssuerKey(crypto, voprf, seed)
    wipe(secretKey)
    if (!taken.has(truncatedTokenKeyId(keyId))) return seed
    wipe(seed)
  }
}
