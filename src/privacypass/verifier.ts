import { equal, equalConstantTime } from "../wire/bytes.ts"
import { PrivacyPassError } from "./error.ts"
import type { Evaluator } from "./evaluator.ts"
import type { IssuerPublicKey } from "./keys.ts"
import { decodeToken, encodeTokenInput } from "./token.ts"

/** What a token must be for. */
export interface Acceptance {
  /** Keys whose tokens are taken: those that issue and those whose tokens are still around. */
  readonly keys: readonly IssuerPublicKey[]
  /** SHA-256 of the one challenge that is posed, 32 bytes. */
  readonly challengeDigest: Uint8Array
}

/**
 * A token that an accepted key made for the expected challenge; only {@link VerifiedToken.verify} makes it. Whether it
 * was spent before is not known yet.
 */
export class VerifiedToken {
  readonly #keyId: Uint8Array
  readonly #nonce: Uint8Array

  private constructor(keyId: Uint8Array, nonce: Uint8Array) {
    this.#keyId = keyId
    this.#nonce = nonce
  }

  /** The key that made it, 32 bytes: with a key its nonces can be forgotten. */
  get keyId(): Uint8Array {
    return this.#keyId
  }

  /** 32 bytes; to be spent once under its key. */
  get nonce(): Uint8Array {
    return this.#nonce
  }

  /**
   * Checks type, key, challenge and authenticator, the last in constant time. Rejects with {@link PrivacyPassError}
   * `malformed`, `token-type`, `unknown-key`, `challenge` or `authenticator`.
   */
  static async verify(
    evaluator: Evaluator,
    acceptance: Acceptance,
    bytes: Uint8Array,
  ): Promise<VerifiedToken> {
    const token = decodeToken(bytes)
    const { tokenKeyId, nonce, authenticator } = token
    if (!acceptance.keys.some(({ keyId }) => equal(keyId, tokenKeyId))) {
      throw new PrivacyPassError("unknown-key")
    }
    if (!equal(token.challengeDigest, acceptance.challengeDigest)) throw new PrivacyPassError("challenge")
    const expected = await evaluator.evaluate(tokenKeyId, encodeTokenInput(token))
    if (!equalConstantTime(expected, authenticator)) throw new PrivacyPassError("authenticator")
    return new VerifiedToken(tokenKeyId, nonce)
  }
}
