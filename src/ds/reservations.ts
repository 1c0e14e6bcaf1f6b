import type { CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { ID_BYTES, RESERVED_GROUP_ID_SECONDS, RESERVED_GROUP_IDS_MAX } from "../limits.ts"
import { toHex } from "../wire/bytes.ts"
import { Problem } from "../wire/problem.ts"
import { makeGroupSecret } from "./group-secret.ts"

interface Reservation {
  readonly groupId: Uint8Array
  /** The DS's secret in the group that is to be. */
  readonly secret: Uint8Array
}

interface Reserved extends Reservation {
  /** In milliseconds since 1970. */
  readonly expiry: number
}

/**
 * Group ids that were handed out and not yet used. In memory only: a client whose id was forgotten, because an hour or
 * the process ended, asks for another.
 */
export class Reservations {
  /** In the order of their expiry, since all live equally long. */
  readonly #reserved = new Map<string, Reserved>()
  readonly #crypto: CryptoProvider
  readonly #now: () => number

  constructor(crypto: CryptoProvider, now: () => number) {
    this.#crypto = crypto
    this.#now = now
  }

  /** A fresh id for which `taken` is false. @throws Problem `server.overloaded` when too many are reserved */
  reserve(taken: (groupId: Uint8Array) => boolean): Reservation {
    this.#expire()
    if (this.#reserved.size >= RESERVED_GROUP_IDS_MAX) throw new Problem("server.overloaded")
    let groupId: Uint8Array
    do groupId = this.#crypto.random(ID_BYTES)
    while (this.#reserved.has(toHex(groupId)) || taken(groupId))
    const secret = makeGroupSecret(this.#crypto)
    const expiry = this.#now() + 1000 * RESERVED_GROUP_ID_SECONDS
    this.#reserved.set(toHex(groupId), { groupId, secret, expiry })
    return { groupId, secret }
  }

  /** The secret of a reserved group, which is overwritten when the reservation ends; undefined for other ids. */
  secretOf(groupId: Uint8Array): Uint8Array | undefined {
    this.#expire()
    return this.#reserved.get(toHex(groupId))?.secret
  }

  release(groupId: Uint8Array): void {
    const key = toHex(groupId)
    wipe(this.#reserved.get(key)?.secret)
    this.#reserved.delete(key)
  }

  #expire(): void {
    const now = this.#now()
    for (const { expiry, groupId } of this.#reserved.values()) {
      if (expiry > now) return
      this.release(groupId)
    }
  }
}
