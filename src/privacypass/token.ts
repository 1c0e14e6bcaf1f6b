import type { CryptoProvider } from "../crypto/provider.ts"
import { encodeSized } from "../wire/sized.ts"
import type { Reader, Writer } from "../wire/tls.ts"
import { decodeStrict, PrivacyPassError } from "./error.ts"
import { OUTPUT_BYTES } from "./voprf.ts"

/** Tokens (RFC 9577 section 2.2.1) of type 0x0005, VOPRF with ristretto255 and SHA-512. */

export const TOKEN_TYPE = 0x0005
export const NONCE_BYTES = 32
export const DIGEST_BYTES = 32
export const TOKEN_KEY_ID_BYTES = 32
/** Bytes of an encoded {@link TokenInput}, which the authenticator is over. */
export const TOKEN_INPUT_BYTES = 2 + NONCE_BYTES + DIGEST_BYTES + TOKEN_KEY_ID_BYTES
/** Bytes of an encoded token. */
export const TOKEN_BYTES = TOKEN_INPUT_BYTES + OUTPUT_BYTES

/** What a token's authenticator is computed over: TLS { u16 token_type; opaque nonce[32], challenge_digest[32], token_key_id[32] }. */
export interface TokenInput {
  readonly tokenType: number
  /** Random, 32 bytes; a token is spent when its nonce is. */
  readonly nonce: Uint8Array
  /** SHA-256 of the challenge. */
  readonly challengeDigest: Uint8Array
  /** SHA-256 of the issuer's public key. */
  readonly tokenKeyId: Uint8Array
}

/** TLS { TokenInput; opaque authenticator[64] }. Whoever has it can spend it. */
export interface Token extends TokenInput {
  /** The VOPRF's output, 64 bytes. */
  readonly authenticator: Uint8Array
}

function writeInput(writer: Writer, input: TokenInput): void {
  writer.u16(input.tokenType).raw(input.nonce).raw(input.challengeDigest).raw(input.tokenKeyId)
}

function readInput(from: Reader): TokenInput {
  return {
    tokenType: from.u16(),
    nonce: from.raw(NONCE_BYTES).slice(),
    challengeDigest: from.raw(DIGEST_BYTES).slice(),
    tokenKeyId: from.raw(TOKEN_KEY_ID_BYTES).slice(),
  }
}

/** The same for all token types with key ids of 32 bytes. */
export function encodeTokenInput(input: TokenInput): Uint8Array {
  return encodeSized(TOKEN_INPUT_BYTES, (writer) => writeInput(writer, input))
}

/** {@link TOKEN_BYTES} bytes. */
export function encodeToken(token: Token): Uint8Array {
  return encodeSized(TOKEN_BYTES, (writer) => {
    writeInput(writer, token)
    writer.raw(token.authenticator)
  })
}

/** Throws {@link PrivacyPassError} `malformed`, or `token-type` if its length is that of another type. */
export function decodeToken(bytes: Uint8Array): Token {
  return decodeStrict(bytes, (from) => {
    const input = readInput(from)
    if (input.tokenType !== TOKEN_TYPE) throw new PrivacyPassError("token-type")
    return { ...input, authenticator: from.raw(OUTPUT_BYTES).slice() }
  })
}

/** SHA-256 of a serialized public key (RFC 9578 section 5.1), 32 bytes. */
export function tokenKeyId(crypto: CryptoProvider, publicKey: Uint8Array): Uint8Array {
  return crypto.sha256(publicKey)
}

/** The last byte of a key id: all that an issuance request says about the key. */
export function truncatedTokenKeyId(keyId: Uint8Array): number {
  return keyId[TOKEN_KEY_ID_BYTES - 1]!
}
