import { PENDING_REGISTRATION_SECONDS, PENDING_REGISTRATIONS_MAX } from "../limits.ts"
import { equal, toHex } from "../wire/bytes.ts"
import { Problem } from "../wire/problem.ts"
import { userOfClient } from "../wire/user-id.ts"

/** A registration between its two steps. What OPAQUE has to remember between them (RFC 9807) goes in here. */
export interface PendingRegistration {
  /** 32 bytes. */
  readonly clientId: Uint8Array
  readonly publicKey: Uint8Array
  /** The credential that was issued and not stored yet. */
  readonly credential: Uint8Array
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
  readonly #now: () => number
  /** In the order of their deadlines, because all last equally long. */
  readonly #entries = new Map<string, { readonly deadline: number; readonly pending: PendingRegistration }>()

  /** `now` in milliseconds, not going back. */
  constructor(now: () => number, limits: PendingLimits = DEFAULTS) {
    this.#now = now
    this.#limits = limits
  }

  /**
   * Remembers a registration, or its repetition with the same key.
   *
   * @throws Problem as.client-exists if another key holds the user id, server.overloaded if too many are pending
   */
  add(pending: PendingRegistration): void {
    this.#forgetExpired()
    const name = nameOf(pending.clientId)
    const known = this.#entries.get(name)
    if (known !== undefined && !equal(known.pending.publicKey, pending.publicKey)) {
      throw new Problem("as.client-exists")
    }
    this.#entries.delete(name)
    if (this.#entries.size >= this.#limits.entriesMax) throw new Problem("server.overloaded")
    this.#entries.set(name, { deadline: this.#now() + 1000 * this.#limits.seconds, pending })
  }

  /** The client's pending registration, unless its time is over. */
  get(clientId: Uint8Array): PendingRegistration | undefined {
    this.#forgetExpired()
    const pending = this.#entries.get(nameOf(clientId))?.pending
    return pending !== undefined && equal(pending.clientId, clientId) ? pending : undefined
  }

  /** Forgets the registration of the client's user, because it is finished. */
  remove(clientId: Uint8Array): void {
    this.#entries.delete(nameOf(clientId))
  }

  #forgetExpired(): void {
    const now = this.#now()
    for (const [name, { deadline }] of this.#entries) {
      if (deadline > now) return
      this.#entries.delete(name)
    }
  }
}

function nameOf(clientId: Uint8Array): string {
  return toHex(userOfClient(clientId))
}
