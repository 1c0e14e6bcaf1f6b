import type { CryptoProvider } from "../crypto/provider.ts"
import { KEY_BYTES } from "../limits.ts"
import type { Reader, View } from "../store/database.ts"
import { equal } from "../wire/bytes.ts"
import type { SignedCall, Verified } from "../wire/call.ts"
import { Problem } from "../wire/problem.ts"
import { type AliasRow, aliases } from "./tables.ts"

/** A request that the key of a registered alias signed. */
export interface AliasCall<P> {
  /** As it was registered when the request was checked; {@link stillRegistered} finds it in the order of changes. */
  readonly registered: AliasRow
  readonly params: Verified<P>
}

/**
 * Authenticates aliases, each by its own key. An unknown alias costs the same work as a known one, with a key that is
 * nobody's, and ends in the same refusal as a wrong signature.
 */
export class AliasAuthentication {
  readonly #store: Reader
  readonly #dummyKey: Uint8Array

  constructor(crypto: CryptoProvider, store: Reader) {
    this.#store = store
    this.#dummyKey = crypto.ed25519Public(crypto.random(KEY_BYTES))
  }

  /** @throws Problem auth.refused or auth.replayed */
  alias<P>(call: SignedCall<P>): AliasCall<P> {
    const registered = this.#store.get(aliases, { alias: hashOf(call) })
    const params = call.verify(registered?.auth_key ?? this.#dummyKey)
    if (registered === undefined) throw new Problem("auth.refused")
    return { registered, params }
  }

  /** An alias that is to be registered, by the key that it brings along. */
  newAlias<P extends { readonly authKey: Uint8Array }>(
    call: SignedCall<P>,
  ): { readonly alias: Uint8Array; readonly params: Verified<P> } {
    return { alias: hashOf(call), params: call.verify(call.claimed.authKey) }
  }
}

function hashOf({ sender }: SignedCall<unknown>): Uint8Array {
  if (sender.kind !== "alias") throw new Problem("auth.refused")
  return sender.id.slice()
}

/**
 * The alias's row in the order of changes, if it still is the one that was authenticated and not deleted meanwhile, or
 * registered again by somebody else.
 *
 * @throws Problem auth.refused
 */
export function stillRegistered(view: View, { alias, auth_key, queue }: AliasRow): AliasRow {
  const row = view.get(aliases, { alias })
  if (row === undefined || !equal(row.auth_key, auth_key) || !equal(row.queue, queue)) {
    throw new Problem("auth.refused")
  }
  return row
}
