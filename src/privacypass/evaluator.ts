import { wipe } from "../crypto/wipe.ts"
import { toHex } from "../wire/bytes.ts"
import { PrivacyPassError } from "./error.ts"
import type { IssuerKey } from "./keys.ts"
import type { BlindEvaluation, Voprf, VoprfKeyPair } from "./voprf.ts"

/**
 * Everything that needs an issuer's secret keys, and the only part of issuance and redemption that costs: bytes in,
 * bytes out, so that it can run in another thread. A key is named by its id, 32 bytes.
 */
export interface Evaluator {
  /** Replaces all keys; what was asked for before still gets the old ones. Keys are copied. */
  setKeys(keys: readonly IssuerKey[]): void
  /** The authenticator (64 bytes) of an encoded token input. Rejects with {@link PrivacyPassError} `unknown-key`. */
  evaluate(keyId: Uint8Array, input: Uint8Array): Promise<Uint8Array>
  /** One evaluation each and a proof over all. Rejects with `unknown-key`, `batch-size` or `element`. */
  blindEvaluate(keyId: Uint8Array, blinded: readonly Uint8Array[]): Promise<BlindEvaluation>
  /** Overwrites the keys and ends what it runs on. */
  close(): void
}

/** In the caller's own thread. */
export class LocalEvaluator implements Evaluator {
  readonly #voprf: Voprf
  #keys = new Map<string, VoprfKeyPair>()

  constructor(voprf: Voprf) {
    this.#voprf = voprf
  }

  setKeys(keys: readonly IssuerKey[]): void {
    this.close()
    for (const { keyId, secretKey, publicKey } of keys) {
      this.#keys.set(toHex(keyId), { secretKey: secretKey.slice(), publicKey: publicKey.slice() })
    }
  }

  #key(keyId: Uint8Array): VoprfKeyPair {
    const key = this.#keys.get(toHex(keyId))
    if (key === undefined) throw new PrivacyPassError("unknown-key")
    return key
  }

  async evaluate(keyId: Uint8Array, input: Uint8Array): Promise<Uint8Array> {
    return this.#voprf.evaluate(this.#key(keyId).secretKey, input)
  }

  async blindEvaluate(keyId: Uint8Array, blinded: readonly Uint8Array[]): Promise<BlindEvaluation> {
    return this.#voprf.blindEvaluateBatch(this.#key(keyId), blinded)
  }

  close(): void {
    for (const { secretKey } of this.#keys.values()) wipe(secretKey)
    this.#keys.clear()
  }
}
