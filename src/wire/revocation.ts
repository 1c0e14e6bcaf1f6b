import { labels } from "../crypto/labels.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { concat } from "./bytes.ts"
import { userOfClient } from "./user-id.ts"

/**
 * What a revocation names: 32 bytes of SHA-256, either over one credential, or over a client or user id, which revokes
 * every credential that was or will be issued to it. A client renews its credential now and then, so naming one
 * credential would leave the others that are still valid. Neither hash's input can be the other's: a credential begins
 * with its version byte, an id with its label.
 */

/** SHA-256 of a credential's encoding, 32 bytes. */
export function credentialFingerprint(crypto: CryptoProvider, credential: Uint8Array): Uint8Array {
  return crypto.sha256(credential)
}

/** The fingerprint of a user (16 bytes) or of one of its clients (32 bytes). */
export function subjectFingerprint(crypto: CryptoProvider, id: Uint8Array): Uint8Array {
  return crypto.sha256(concat(labels.revokedSubject, id))
}

/** All fingerprints under which a client credential may be revoked. */
export function clientFingerprints(
  crypto: CryptoProvider,
  credential: Uint8Array,
  clientId: Uint8Array,
): Uint8Array[] {
  return [
    credentialFingerprint(crypto, credential),
    subjectFingerprint(crypto, clientId),
    subjectFingerprint(crypto, userOfClient(clientId)),
  ]
}
