import type { CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { KEY_BYTES } from "../limits.ts"
import { equal } from "../wire/bytes.ts"
import type { SignedCall } from "../wire/call.ts"
import { Problem } from "../wire/problem.ts"

/** A public key whose private key nobody has: what requests of unknown senders are verified with. */
export function strangersKey(crypto: CryptoProvider): Uint8Array {
  const seed = crypto.random(KEY_BYTES)
  const key = crypto.ed25519Public(seed)
  wipe(seed)
  return key
}

/**
 * Who signed a request, found out once. A sender without a key costs a signature check as well, so an unknown group, a
 * wrong EAR key, an empty leaf and a bad signature are the same refusal.
 */
export class Caller<P> {
  readonly #call: SignedCall<P>
  readonly #stranger: Uint8Array
  #accepted: { readonly key: Uint8Array; readonly params: P } | undefined

  constructor(call: SignedCall<P>, stranger: Uint8Array) {
    this.#call = call
    this.#stranger = stranger
  }

  /** The leaf whose member the caller claims to be. */
  get leaf(): number | undefined {
    return this.#call.sender.kind === "leaf" ? this.#call.sender.leaf : undefined
  }

  /** The KeyPackage whose owner the caller claims to be. */
  get keyPackageRef(): Uint8Array | undefined {
    return this.#call.sender.kind === "kpref" ? this.#call.sender.id : undefined
  }

  /** Only good for finding the key. */
  get claimed(): P {
    return this.#call.claimed
  }

  /**
   * The parameters, if the caller signed them with `key`. When an operation is tried again, the key must still be the
   * sender's; if it is not, a commit has come between.
   *
   * @throws Problem `auth.refused`, `auth.replayed`; `ds.wrong-epoch` on a later attempt
   */
  verify(key: Uint8Array | undefined): P {
    if (this.#accepted === undefined) {
      if (key === undefined) return this.refuse()
      this.#accepted = { key: key.slice(), params: this.#call.verify(key) }
    } else if (key === undefined || !equal(key, this.#accepted.key)) throw new Problem("ds.wrong-epoch")
    return this.#accepted.params
  }

  /** Refuses, after the work of a signature check. */
  refuse(): never {
    if (this.#accepted === undefined) this.#call.verify(this.#stranger)
    throw new Problem("auth.refused")
  }
}
