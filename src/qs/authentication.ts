import type { CryptoProvider } from "../crypto/provider.ts"
import { KEY_BYTES } from "../limits.ts"
import type { Reader } from "../store/database.ts"
import type { SignedCall, Verified } from "../wire/call.ts"
import { Problem } from "../wire/problem.ts"
import type { Presence } from "./presence.ts"
import { clients, users } from "./tables.ts"

/** A request whose signature was checked with its sender's key. */
export interface Authenticated<P> {
  /** The sender's id, a copy. */
  readonly id: Uint8Array
  readonly params: Verified<P>
}

/**
 * Authenticates pseudonyms of the QS by the keys in their records. An unknown sender, one of the wrong kind and a bad
 * signature are one refusal.
 */
export class Authentication {
  readonly #store: Reader
  readonly #presence: Presence
  /** Nobody's key: an unknown sender's signature is checked against it, so that it takes as long as a known one's. */
  readonly #dummyKey: Uint8Array

  constructor(crypto: CryptoProvider, store: Reader, presence: Presence) {
    this.#store = store
    this.#presence = presence
    this.#dummyKey = crypto.ed25519Public(crypto.random(KEY_BYTES))
  }

  /** Such a request is what keeps a client from being taken for gone. @throws Problem `auth.refused`, `auth.replayed` */
  client<P>(call: SignedCall<P>): Authenticated<P> {
    const id = senderOf(call, "qs-client")
    const { row, params } = this.#verify(call, this.#store.get(clients, { id }))
    this.#presence.seen(row)
    return { id, params }
  }

  /** @throws Problem `auth.refused`, `auth.replayed` */
  user<P>(call: SignedCall<P>): Authenticated<P> {
    const id = senderOf(call, "qs-user")
    const { params } = this.#verify(call, this.#store.get(users, { id }))
    return { id, params }
  }

  #verify<P, Row extends { readonly auth_key: Uint8Array }>(
    call: SignedCall<P>,
    row: Row | undefined,
  ): { readonly row: Row; readonly params: Verified<P> } {
    const params = call.verify(row?.auth_key ?? this.#dummyKey)
    if (row === undefined) throw new Problem("auth.refused")
    return { row, params }
  }
}

function senderOf({ sender }: SignedCall<unknown>, kind: "qs-client" | "qs-user"): Uint8Array {
  if (sender.kind !== kind) throw new Problem("auth.refused")
  return sender.id.slice()
}
