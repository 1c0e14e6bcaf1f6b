import { CodecError, decodeAll, type Reader } from "../wire/tls.ts"

/** What was refused, in the order in which it is looked at. Public: none of them tells more than the sender knows. */
export type PrivacyPassFailure =
  /** Not a canonical encoding of what was expected. */
  | "malformed"
  /** A token type other than 0x0005. */
  | "token-type"
  /** No such issuer key, or no longer. */
  | "unknown-key"
  /** A batch without elements, of more than `PRIVACY_PASS_BATCH_MAX`, or answered with another number of them. */
  | "batch-size"
  /** An element that is the identity or not canonically encoded. */
  | "element"
  /** The issuer did not prove that it used its published key for every element. */
  | "proof"
  /** A token for another challenge. */
  | "challenge"
  /** A token that this key did not make. */
  | "authenticator"

/** The one error of this room. It never holds a token, an element or a key. */
export class PrivacyPassError extends Error {
  override readonly name = "PrivacyPassError"
  readonly reason: PrivacyPassFailure

  constructor(reason: PrivacyPassFailure) {
    super(reason)
    this.reason = reason
  }
}

/** Decodes the whole of `bytes`. Throws {@link PrivacyPassError} `malformed`. */
export function decodeStrict<T>(bytes: Uint8Array, read: (reader: Reader) => T): T {
  try {
    return decodeAll(bytes, read)
  } catch (error) {
    if (error instanceof CodecError) throw new PrivacyPassError("malformed")
    throw error
  }
}
