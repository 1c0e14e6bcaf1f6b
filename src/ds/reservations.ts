import { ID_BYTES, RESERVED_GROUP_ID_SECONDS, RESERVED_GROUP_IDS_MAX } from "../limits.ts"
import { toHex } from "../wire/bytes.ts"
import { Problem } from "../wire/problem.ts"

/**
 * Group ids that were handed out and not yet used. In memory only: a client whose id was forgotten, because an hour or
 * the process ended, asks for another.
 */
export class Reservations {
  /** When each id expires, in milliseconds; in this order, since all live equally long. */
  readonly #expiries = new Map<string, number>()
  readonly #random: (length: number) => Uint8Array
  readonly #now: () => number

  constructor(random: (length: number) => Uint8Array, now: () => number) {
    this.#random = random
    this.#now = now
  }

  /** A fresh id for which `taken` is false. @throws Problem `server.overloaded` when too many are reserved */
  reserve(taken: (groupId: Uint8Array) => boolean): Uint8Array {
    this.#expire()
    if (this.#expiries.size >= RESERVED_GROUP_IDS_MAX) throw new Problem("server.overloaded")
    let groupId: Uint8Array
    do groupId = this.#random(ID_BYTES)
    while (this.#expiries.has(toHex(groupId)) || taken(groupId))
    this.#expiries.set(toHex(groupId), this.#now() + 1000 * RESERVED_GROUP_ID_SECONDS)
    return groupId
  }

  has(groupId: Uint8Array): boolean {
    this.#expire()
    return this.#expiries.has(toHex(groupId))
  }

  release(groupId: Uint8Array): void {
    this.#expiries.delete(toHex(groupId))
  }

  #expire(): void {
    const now = this.#now()
    for (const [id, expiry] of this.#expiries) {
      if (expiry > now) return
      this.#expiries.delete(id)
    }
  }
}
