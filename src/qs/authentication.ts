import type { CryptoProvider } from "../crypto/provider.ts"
import { KEY_BYTES } from "../limits.ts"
import type { Reader } from "../store/database.ts"
import type { SignedCall, Verified } from "../wire/call.ts"
import { Problem } from "../wire/problem.ts"
import { clients } from "./tables.ts"

/** A request whose signature was checked with its sender's key. */
export interface Authenticated<P> {
  /** The sender's id, a copy. */
  readonly id: Uint8Array
  readonly params: Verified<P>
}

/** Authenticates pseudonyms of the QS by the keys in their records. */
export class Authentication {
  readonly #store: Reader
  /** Nobody's key: an unknown sender's signature is checked against it, so that it takes as long as a known one's. */
  readonly #dummyKey: Uint8Array

  constructor(crypto: CryptoProvider, store: Reader) {
    this.#store = store
    this.#dummyKey = crypto.ed25519Public(crypto.random(KEY_BYTES))
  }

  /** @throws Problem `auth.refused`, the same for an unknown client and a bad signature; `auth.replayed` */
  client<P>(call: SignedCall<P>): Authenticated<P> {
    if (call.sender.kind !== "qs-client") throw new Problem("auth.refused")
    const id = call.sender.id.slice()
    const known = this.#store.get(clients, { id })
    const params = call.verify(known?.auth_key ?? this.#dummyKey)
    if (known === undefined) throw new Problem("auth.refused")
    return { id, params }
  }
}
