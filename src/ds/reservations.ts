import type { CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { ExpiringMap } from "../expiring-map.ts"
import { ID_BYTES, RESERVED_GROUP_ID_SECONDS, RESERVED_GROUP_IDS_MAX } from "../limits.ts"
import { toHex } from "../wire/bytes.ts"
import { Problem } from "../wire/problem.ts"
import { makeGroupSecret } from "./group-secret.ts"

interface Reservation {
  readonly groupId: Uint8Array
  /** The DS's secret in the group that is to be. */
  readonly secret: Uint8Array
}

/**
 * Group ids that were handed out and not yet used. In memory only: a client whose id was forgotten, because an hour or
 * the process ended, asks for another.
 */
export class Reservations {
  readonly #crypto: CryptoProvider
  /** The DS's secrets in the groups that are to be, by their ids. */
  readonly #secrets: ExpiringMap<Uint8Array>

  constructor(crypto: CryptoProvider, now: () => number) {
    this.#crypto = crypto
    this.#secrets = new ExpiringMap(now, RESERVED_GROUP_ID_SECONDS, (secret) => wipe(secret))
  }

  /** A fresh id for which `taken` is false. @throws Problem `server.overloaded` when too many are reserved */
  reserve(taken: (groupId: Uint8Array) => boolean): Reservation {
    if (this.#secrets.size >= RESERVED_GROUP_IDS_MAX) throw new Problem("server.overloaded")
    let groupId: Uint8Array
    do groupId = this.#crypto.random(ID_BYTES)
    while (this.#secrets.get(toHex(groupId)) !== undefined || taken(groupId))
    const secret = makeGroupSecret(this.#crypto)
    this.#secrets.set(toHex(groupId), secret)
    return { groupId, secret }
  }

  /** The secret of a reserved group, which is overwritten when the reservation ends; undefined for other ids. */
  secretOf(groupId: Uint8Array): Uint8Array | undefined {
    return this.#secrets.get(toHex(groupId))
  }

  release(groupId: Uint8Array): void {
    this.#secrets.delete(toHex(groupId))
  }
}
