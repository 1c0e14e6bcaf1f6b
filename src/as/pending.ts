import { wipe } from "../crypto/wipe.ts"
import { ExpiringMap } from "../expiring-map.ts"
import { PENDING_REGISTRATION_SECONDS, PENDING_REGISTRATIONS_MAX } from "../limits.ts"
import { equal, toHex } from "../wire/bytes.ts"
import { Problem } from "../wire/problem.ts"
import { userOfClient } from "../wire/user-id.ts"
import type { Invitation } from "./invitations.ts"

/** A registration between its steps. */
export interface PendingRegistration {
  /** 32 bytes. */
  readonly clientId: Uint8Array
  readonly publicKey: Uint8Array
  /** The credential that was issued and not stored yet. */
  readonly credential: Uint8Array
  /** Where one is needed. */
  readonly invitation: Invitation | undefined
}

/** The login that shows that the client can use the record it wants to have stored (RFC 9807). */
export interface FirstLogin {
  readonly record: Uint8Array
  /** Secret; overwritten when it is forgotten. */
  readonly state: Uint8Array
}

interface Entry {
  readonly pending: PendingRegistration
  login: FirstLogin | undefined
}

/** How many registrations may be pending, and for how long. */
export interface PendingLimits {
  readonly entriesMax: number
  readonly seconds: number
}

const DEFAULTS: PendingLimits = {
  entriesMax: PENDING_REGISTRATIONS_MAX,
  seconds: PENDING_REGISTRATION_SECONDS,
}

/**
 * Pending registrations, in memory only: a name that nobody finished to register leaves no trace. One per user,
 * held against everybody but the key that began it.
 */
export class PendingRegistrations {
  readonly #limits: PendingLimits
  /** By user. */
  readonly #entries: ExpiringMap<Entry>

  /** `now` in milliseconds, not going back. */
  constructor(now: () => number, limits: PendingLimits = DEFAULTS) {
    this.#limits = limits
    this.#entries = new ExpiringMap(now, limits.seconds, ({ login }) => wipe(login?.state))
  }

  /**
   * Remembers a registration, or its repetition with the same key, which begins it anew.
   *
   * @throws Problem as.client-exists if another key holds the user id, server.overloaded if too many are pending
   */
  add(pending: PendingRegistration): void {
    const name = nameOf(pending.clientId)
    const known = this.#entries.get(name)
    if (known !== undefined && !equal(known.pending.publicKey, pending.publicKey)) {
      throw new Problem("as.client-exists")
    }
    this.#entries.delete(name)
    if (this.#entries.size >= this.#limits.entriesMax) throw new Problem("server.overloaded")
    this.#entries.set(name, { pending, login: undefined })
  }

  /** The client's pending registration, unless its time is over. */
  get(clientId: Uint8Array): PendingRegistration | undefined {
    return this.#entryOf(clientId)?.pending
  }

  /** The first login of the client, if it began one. */
  login(clientId: Uint8Array): FirstLogin | undefined {
    return this.#entryOf(clientId)?.login
  }

  /** Remembers the first login of a client whose registration is pending, in place of an earlier one. */
  beginLogin(clientId: Uint8Array, login: FirstLogin): void {
    const entry = this.#entryOf(clientId)
    if (entry === undefined) return
    wipe(entry.login?.state)
    entry.login = login
  }

  /** Forgets the registration of the client's user, because it is finished. */
  remove(clientId: Uint8Array): void {
    this.#entries.delete(nameOf(clientId))
  }

  #entryOf(clientId: Uint8Array): Entry | undefined {
    const entry = this.#entries.get(nameOf(clientId))
    return entry !== undefined && equal(entry.pending.clientId, clientId) ? entry : undefined
  }
}

function nameOf(clientId: Uint8Array): string {
  return toHex(userOfClient(clientId))
}
