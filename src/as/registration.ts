import type { CryptoProvider } from "../crypto/provider.ts"
import { CONNECTION_PACKAGES_MAX, PROFILE_BYTES } from "../limits.ts"
import { type Effect, put, type View } from "../store/database.ts"
import { equal } from "../wire/bytes.ts"
import { Problem } from "../wire/problem.ts"
import { putClientPackages } from "./client-packages.ts"
import { type Invitation, useInvitation } from "./invitations.ts"
import type { CheckedPackages } from "./packages.ts"
import { putProfile } from "./profiles.ts"
import { clientKey, clients, packages, queues, users } from "./tables.ts"

/** What the last step of a registration stores. */
export interface Registration {
  /** 32 bytes. */
  readonly clientId: Uint8Array
  readonly credential: Uint8Array
  readonly connectionPackages: CheckedPackages
  /** HPKE public key of the connection queue. */
  readonly queueKey: Uint8Array
  /** undefined: nothing is pending, so this can only repeat what is stored already. */
  readonly proven: ProvenUser | undefined
}

/** A new user whose first login succeeded. */
export interface ProvenUser {
  /** OPAQUE record. */
  readonly record: Uint8Array
  readonly invitation: Invitation | undefined
}

/**
 * The effects of a registration, decided in the order of acceptance. A user id belongs to whoever registers first:
 * no client of another key can be added under it. Repeating a registration that is stored already, because its
 * answer was lost, changes nothing. `queueRecord` is the new connection queue.
 *
 * @throws Problem as.client-exists, as.invalid-invitation; auth.refused if nothing is pending or stored
 */
export function registrationEffects(
  crypto: CryptoProvider,
  view: View,
  registration: Registration,
  queueRecord: Effect,
): Effect[] {
  const { clientId, credential, connectionPackages, proven } = registration
  const key = clientKey(clientId)
  const { user } = key
  if (view.list(clients, { user }, 1).length > 0) {
    if (isStored(view, registration)) return []
    throw new Problem("as.client-exists")
  }
  if (proven === undefined) throw new Problem("auth.refused")
  const { record, invitation } = proven
  return [
    ...(invitation === undefined ? [] : [useInvitation(view, invitation)]),
    put(users, { user, record }),
    put(clients, { ...key, credential }),
    queueRecord,
    ...putClientPackages(crypto, key, connectionPackages),
    ...putProfile(user, crypto.random(PROFILE_BYTES)),
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
