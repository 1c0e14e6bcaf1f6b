import { PRIVACY_PASS_BATCH_MAX } from "../limits.ts"
import { decodeBatchRequest, encodeBatchResponse } from "./batch.ts"
import { PrivacyPassError } from "./error.ts"
import type { Evaluator } from "./evaluator.ts"
import type { IssuerPublicKey } from "./keys.ts"
import { truncatedTokenKeyId } from "./token.ts"

/**
 * An issuance request that may be answered once its sender's allowance was checked; only {@link IssuanceRequest.check}
 * makes it. The work is the same for all requests of the same size.
 */
export class IssuanceRequest {
  readonly #keyId: Uint8Array
  readonly #blinded: readonly Uint8Array[]

  private constructor(keyId: Uint8Array, blinded: readonly Uint8Array[]) {
    this.#keyId = keyId
    this.#blinded = blinded
  }

  /**
   * Checks all but the elements themselves (batched-tokens section 5.2): type, key and size of the batch. `keys` are
   * those that issue now. Throws {@link PrivacyPassError} `malformed`, `token-type`, `unknown-key` or `batch-size`.
   */
  static check(keys: readonly IssuerPublicKey[], request: Uint8Array): IssuanceRequest {
    const { truncatedTokenKeyId: named, blinded } = decodeBatchRequest(request)
    const key = keys.find(({ keyId }) => truncatedTokenKeyId(keyId) === named)
    if (key === undefined) throw new PrivacyPassError("unknown-key")
    if (blinded.length === 0 || blinded.length > PRIVACY_PASS_BATCH_MAX) {
      throw new PrivacyPassError("batch-size")
    }
    return new IssuanceRequest(key.keyId, blinded)
  }

  /** How many tokens it asks for. */
  get tokens(): number {
    return this.#blinded.length
  }

  /**
   * The encoded response. It depends on nothing but the key and the request: repeated, the elements are the same and
   * only the proof is made anew, so that a client whose response was lost gets the same tokens from the second one.
   * Rejects with {@link PrivacyPassError} `element`, or `unknown-key` if the evaluator no longer has it.
   */
  async answer(evaluator: Evaluator): Promise<Uint8Array> {
    return encodeBatchResponse(await evaluator.blindEvaluate(this.#keyId, this.#blinded))
  }
}
