import type { CryptoProvider } from "../crypto/provider.ts"
import { CONNECTION_PACKAGES_MAX, PROFILE_BYTES } from "../limits.ts"
import { type Effect, put, type View } from "../store/database.ts"
import { equal } from "../wire/bytes.ts"
import { Problem } from "../wire/problem.ts"
import { type CheckedPackages, putPackages } from "./packages.ts"
import { putProfile } from "./profiles.ts"
import { clientKey, clients, packages, queues } from "./tables.ts"

/** What the second step of a registration stores. */
export interface Registration {
  /** 32 bytes. */
  readonly clientId: Uint8Array
  readonly credential: Uint8Array
  readonly connectionPackages: CheckedPackages
  /** HPKE public key of the connection queue. */
  readonly queueKey: Uint8Array
}

/**
 * The effects of a registration, decided in the order of acceptance. A user id belongs to whoever registers first:
 * no client of another key can be added under it. Repeating a registration that is stored already, because its
 * answer was lost, changes nothing. `queueRecord` is the new connection queue.
 *
 * @throws Problem as.client-exists
 */
export function registrationEffects(
  crypto: CryptoProvider,
  view: View,
  registration: Registration,
  queueRecord: Effect,
): Effect[] {
  const { clientId, credential, connectionPackages } = registration
  const key = clientKey(clientId)
  if (view.list(clients, { user: key.user }, 1).length > 0) {
    if (isStored(view, registration)) return []
    throw new Problem("as.client-exists")
  }
  return [
    put(clients, { ...key, credential }),
    queueRecord,
    ...putPackages(crypto, packages, key, connectionPackages),
    ...putProfile(key.user, crypto.random(PROFILE_BYTES)),
  ]
}

/** One of the packages is enough: others may have been claimed since, but the last one stays. */
function isStored(view: View, registration: Registration): boolean {
  const { clientId, credential, connectionPackages, queueKey } = registration
  const key = clientKey(clientId)
  const client = view.get(clients, key)
  const queue = view.get(queues, { id: clientId })
  if (client === undefined || queue === undefined) return false
  if (!equal(client.credential, credential) || !equal(queue.queue_key, queueKey)) return false
  const stored = view.list(packages, key, CONNECTION_PACKAGES_MAX)
  return stored.some((row) => connectionPackages.some((body) => equal(body, row.body)))
}
