import type { CryptoProvider } from "../crypto/provider.ts"
import { includesBytes, toHex } from "../wire/bytes.ts"
import { credentialFingerprint } from "../wire/revocation.ts"
import type { StoredEvent } from "./event-records.ts"
import type { Identity } from "./identity.ts"
import type { Anchors } from "./records.ts"

/** What the application is told when the AS publishes something else than before: each thing once. */
export function trustEvents(
  crypto: CryptoProvider,
  identity: Identity,
  before: Anchors,
  after: Anchors,
): StoredEvent[] {
  const known = before.unknownRoots
  const shown = after.unknownRoots.filter((root) => !includesBytes(known, root))
  const fingerprints = shown.map((root) => toHex(credentialFingerprint(crypto, root)))
  const events: StoredEvent[] = fingerprints.length === 0 ? [] : [{ type: "unknown-root", fingerprints }]
  if (identity.isRevokedBy(after) && !identity.isRevokedBy(before)) events.push({ type: "revoked" })
  return events
}
