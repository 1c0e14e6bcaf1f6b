import { type Reader, Writer } from "../wire/tls.ts"
import { decodeStrict, PrivacyPassError } from "./error.ts"
import { TOKEN_TYPE } from "./token.ts"
import { ELEMENT_BYTES, PROOF_BYTES } from "./voprf.ts"

/** The two messages of amortized issuance (draft-ietf-privacypass-batched-tokens-08 section 5), for token type 0x0005. */

/** TLS { u16 token_type; u8 truncated_token_key_id; BlindedElement blinded<V> }. */
export interface AmortizedBatchTokenRequest {
  readonly truncatedTokenKeyId: number
  /** 32 bytes each. */
  readonly blinded: readonly Uint8Array[]
}

/** TLS { EvaluatedElement evaluated<V>; u8 proof[64] }. */
export interface AmortizedBatchTokenResponse {
  /** 32 bytes each. */
  readonly evaluated: readonly Uint8Array[]
  /** 64 bytes. */
  readonly proof: Uint8Array
}

function writeElements(writer: Writer, elements: readonly Uint8Array[]): Writer {
  return writer.vector(elements, (inner, element) => inner.raw(element))
}

function readElements(from: Reader): Uint8Array[] {
  return from.vector((inner) => inner.raw(ELEMENT_BYTES).slice())
}

export function encodeBatchRequest({ truncatedTokenKeyId, blinded }: AmortizedBatchTokenRequest): Uint8Array {
  return writeElements(new Writer().u16(TOKEN_TYPE).u8(truncatedTokenKeyId), blinded).finish()
}

/** Throws {@link PrivacyPassError} `malformed` or `token-type`. */
export function decodeBatchRequest(bytes: Uint8Array): AmortizedBatchTokenRequest {
  return decodeStrict(bytes, (from) => {
    if (from.u16() !== TOKEN_TYPE) throw new PrivacyPassError("token-type")
    return { truncatedTokenKeyId: from.u8(), blinded: readElements(from) }
  })
}

export function encodeBatchResponse({ evaluated, proof }: AmortizedBatchTokenResponse): Uint8Array {
  return writeElements(new Writer(), evaluated).raw(proof).finish()
}

/** Throws {@link PrivacyPassError} `malformed`. */
export function decodeBatchResponse(bytes: Uint8Array): AmortizedBatchTokenResponse {
  return decodeStrict(bytes, (from) => ({
    evaluated: readElements(from),
    proof: from.raw(PROOF_BYTES).slice(),
  }))
}
