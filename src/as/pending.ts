import { wipe } from "../crypto/wipe.ts"
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
  readonly deadline: number
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
  readonly #now: () => number
  /** In the order of their deadlines, because all last equally long. */
  readonly #entries = new Map<string, Entry>()

  /** `now` in milliseconds, not going back. */
  constructor(now: () => number, limits: PendingLimits = DEFAULTS) {
    this.#now = now
    this.#limits = limits
  }

  /**
   * Remembers a registration, or its repetition with the same key, which begins it anew.
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
    this.#forget(name)
    if (this.#entries.size >= this.#limits.entriesMax) throw new Problem("server.overloaded")
    const deadline = this.#now() + 1000 * this.#limits.seconds
    this.#entries.set(name, { deadline, pending, login: undefined })
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
    this.#forget(nameOf(clientId))
  }

  #entryOf(clientId: Uint8Array): Entry | undefined {
    this.#forgetExpired()
    const entry = this.#entries.get(nameOf(clientId))
    return entry !== undefined && equal(entry.pending.clientId, clientId) ? entry : undefined
  }

  #forgetExpired(): void {
    const now = this.#now()
    for (const [name, { deadline }] of this.#entries) {
      if (deadline > now) return
      this.#forget(name)
    }
  }

  #forget(name: string): void {
    wipe(this.#entries.get(name)?.login?.state)
    this.#entries.delete(name)
  }
}

function nameOf(clientId: Uint8Array): string {
  return toHex(userOfClient(clientId))
}
