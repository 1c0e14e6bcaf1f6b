import type { CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { FORMAT_VERSION, PRIVACY_PASS_BATCH_MAX } from "../limits.ts"
import { encodeSized } from "../wire/sized.ts"
import { CodecError, type Reader, type Writer } from "../wire/tls.ts"
import { decodeBatchResponse, encodeBatchRequest } from "./batch.ts"
import { decodeStrict, PrivacyPassError } from "./error.ts"
import {
  DIGEST_BYTES,
  encodeTokenInput,
  NONCE_BYTES,
  TOKEN_TYPE,
  type Token,
  type TokenInput,
  tokenKeyId,
  truncatedTokenKeyId,
} from "./token.ts"
import { type Blinded, ELEMENT_BYTES, SCALAR_BYTES, type Voprf } from "./voprf.ts"

interface PendingToken extends Blinded {
  readonly nonce: Uint8Array
}

const PENDING_TOKEN_BYTES = NONCE_BYTES + SCALAR_BYTES + ELEMENT_BYTES

/** What tokens are asked for. */
export interface BatchOrder {
  /** The issuer's public key, 32 bytes. */
  readonly publicKey: Uint8Array
  /** SHA-256 of the challenge that the tokens shall answer, 32 bytes. */
  readonly challengeDigest: Uint8Array
  /** 1 to `PRIVACY_PASS_BATCH_MAX`. */
  readonly tokens: number
}

/**
 * A batch of tokens that was asked for or will be. To be kept durably before {@link request} is sent and until the
 * tokens are: the request can be repeated, byte for byte, and a second one for the same allowance would be charged
 * twice. Keep it like a secret key: blinds link the request to the tokens.
 */
export class PendingBatch {
  /** The issuer key's id, 32 bytes. */
  readonly keyId: Uint8Array
  readonly #publicKey: Uint8Array
  readonly #challengeDigest: Uint8Array
  readonly #pending: readonly PendingToken[]

  private constructor(
    keyId: Uint8Array,
    publicKey: Uint8Array,
    challengeDigest: Uint8Array,
    pending: readonly PendingToken[],
  ) {
    this.keyId = keyId
    this.#publicKey = publicKey
    this.#challengeDigest = challengeDigest
    this.#pending = pending
  }

  /** Draws nonces and blinds. Throws {@link PrivacyPassError} `batch-size`. */
  static create(crypto: CryptoProvider, voprf: Voprf, order: BatchOrder): PendingBatch {
    const { publicKey, challengeDigest, tokens } = order
    if (!Number.isInteger(tokens) || tokens < 1 || tokens > PRIVACY_PASS_BATCH_MAX) {
      throw new PrivacyPassError("batch-size")
    }
    const keyId = tokenKeyId(crypto, publicKey)
    const pending = Array.from({ length: tokens }, (): PendingToken => {
      const nonce = crypto.random(NONCE_BYTES)
      const input = { tokenType: TOKEN_TYPE, nonce, challengeDigest, tokenKeyId: keyId }
      return { nonce, ...voprf.blind(encodeTokenInput(input)) }
    })
    return new PendingBatch(keyId, publicKey.slice(), challengeDigest.slice(), pending)
  }

  /** The encoded request, always the same. */
  get request(): Uint8Array {
    const blinded = this.#pending.map((token) => token.blinded)
    return encodeBatchRequest({ truncatedTokenKeyId: truncatedTokenKeyId(this.keyId), blinded })
  }

  /**
   * The tokens of an encoded response. Throws {@link PrivacyPassError} `malformed`, `batch-size` or `proof`; the batch
   * can then still be repeated.
   */
  finalize(voprf: Voprf, response: Uint8Array): Token[] {
    const { evaluated, proof } = decodeBatchResponse(response)
    if (evaluated.length !== this.#pending.length) throw new PrivacyPassError("batch-size")
    const inputs = this.#pending.map(({ nonce }): TokenInput => {
      return { tokenType: TOKEN_TYPE, nonce, challengeDigest: this.#challengeDigest, tokenKeyId: this.keyId }
    })
    const items = this.#pending.map(({ blind, blinded }, i) => {
      return { input: encodeTokenInput(inputs[i]!), blind, blinded, evaluated: evaluated[i]! }
    })
    const authenticators = voprf.finalizeBatch(this.#publicKey, items, proof)
    return inputs.map((input, i) => ({ ...input, authenticator: authenticators[i]! }))
  }

  /**
   * TLS { u8 version; opaque public_key[32]; opaque challenge_digest[32];
   * struct { opaque nonce[32]; opaque blind[32]; opaque blinded[32] } tokens<V> }, in a buffer of its own.
   */
  serialize(): Uint8Array {
    const tokensBytes = this.#pending.length * PENDING_TOKEN_BYTES
    return encodeSized(1 + ELEMENT_BYTES + DIGEST_BYTES + 4 + tokensBytes, (writer) => {
      writer.u8(FORMAT_VERSION).raw(this.#publicKey).raw(this.#challengeDigest).vectorHeader(tokensBytes)
      for (const token of this.#pending) writePending(writer, token)
    })
  }

  /** The reverse of {@link serialize}. Throws {@link PrivacyPassError} `malformed` or `batch-size`. */
  static restore(crypto: CryptoProvider, state: Uint8Array): PendingBatch {
    return decodeStrict(state, (from) => {
      if (from.u8() !== FORMAT_VERSION) throw new CodecError("pending batch version")
      const publicKey = from.raw(ELEMENT_BYTES).slice()
      const challengeDigest = from.raw(DIGEST_BYTES).slice()
      const pending = from.vector(readPending)
      if (pending.length === 0 || pending.length > PRIVACY_PASS_BATCH_MAX) {
        throw new PrivacyPassError("batch-size")
      }
      return new PendingBatch(tokenKeyId(crypto, publicKey), publicKey, challengeDigest, pending)
    })
  }

  /** Overwrites the blinds; afterwards no response can be finalized. */
  wipe(): void {
    for (const { blind } of this.#pending) wipe(blind)
  }
}

function writePending(writer: Writer, { nonce, blind, blinded }: PendingToken): void {
  writer.raw(nonce).raw(blind).raw(blinded)
}

function readPending(from: Reader): PendingToken {
  return {
    nonce: from.raw(NONCE_BYTES).slice(),
    blind: from.raw(SCALAR_BYTES).slice(),
    blinded: from.raw(ELEMENT_BYTES).slice(),
  }
}
