import { ristretto255, ristretto255_hasher, ristretto255_oprf } from "@noble/curves/ed25519.js"
import { sha512 } from "@noble/hashes/sha2.js"
import { wipe } from "../crypto/wipe.ts"
import { utf8 } from "../wire/bytes.ts"
import { Writer } from "../wire/tls.ts"
import { PrivacyPassError, type PrivacyPassFailure } from "./error.ts"

/**
 * The verifiable oblivious pseudorandom function of RFC 9497, suite ristretto255-SHA512.
 *
 * The server learns neither an input nor its output, and cannot tell which evaluation an output came from: a blinded
 * element is a uniformly random element whatever the input was. The client learns outputs under the one key that it
 * knows the public part of, because it verifies a proof over the whole batch. What this does not give: the client
 * must know by other means that everybody was told the same public key.
 */

/** Bytes of a serialized element and of a scalar (Ne = Ns). */
export const ELEMENT_BYTES = 32
export const SCALAR_BYTES = 32
/** Bytes of a proof: two scalars. */
export const PROOF_BYTES = 2 * SCALAR_BYTES
/** Bytes of an output (Nh). */
export const OUTPUT_BYTES = 64

export interface VoprfKeyPair {
  /** Scalar, 32 bytes. */
  readonly secretKey: Uint8Array
  /** Element, 32 bytes. */
  readonly publicKey: Uint8Array
}

/** An input under its blind. */
export interface Blinded {
  /** Secret scalar, 32 bytes: whoever has it links the element to the token. */
  readonly blind: Uint8Array
  /** Element, 32 bytes, for the server. */
  readonly blinded: Uint8Array
}

export interface BlindEvaluation {
  /** One element for each blinded element, in order. */
  readonly evaluated: readonly Uint8Array[]
  /** {@link PROOF_BYTES} over all of them. */
  readonly proof: Uint8Array
}

/** What a client needs for one output. */
export interface EvaluatedInput extends Blinded {
  readonly input: Uint8Array
  readonly evaluated: Uint8Array
}

/** An implementation; all have the same outputs, proofs are random. Inputs are at most 65535 bytes, never kept or changed. */
export interface Voprf {
  /** `DeriveKeyPair` (RFC 9497 section 3.2.1) from a secret seed of 32 bytes, which stays the caller's to wipe. */
  deriveKeyPair(seed: Uint8Array, info: Uint8Array): VoprfKeyPair
  /** `Blind` (section 3.3.1). */
  blind(input: Uint8Array): Blinded
  /**
   * `BlindEvaluateBatch` (draft-ietf-privacypass-batched-tokens section 5.2), one proof over the batch. Throws
   * {@link PrivacyPassError} `element`, or `batch-size` if there is none.
   */
  blindEvaluateBatch(keys: VoprfKeyPair, blinded: readonly Uint8Array[]): BlindEvaluation
  /**
   * `FinalizeBatch` (section 5.3 there): verifies the proof and returns the outputs, {@link OUTPUT_BYTES} each, in
   * order. Throws {@link PrivacyPassError} `proof`, or `batch-size` if there is no item.
   */
  finalizeBatch(publicKey: Uint8Array, items: readonly EvaluatedInput[], proof: Uint8Array): Uint8Array[]
  /** `Evaluate` (RFC 9497 section 3.3.1): the output that the secret key's owner computes alone. */
  evaluate(secretKey: Uint8Array, input: Uint8Array): Uint8Array
}

const { voprf } = ristretto255_oprf
const { Point } = ristretto255

/** contextString of mode 0x01 (section 3.1) behind the prefix of HashToGroup (section 4.1). */
const HASH_TO_GROUP = utf8("HashToGroup-OPRFV1-\x01-ristretto255-SHA512")
const FINALIZE = utf8("Finalize")

function refusedAs<T>(reason: PrivacyPassFailure, work: () => T): T {
  try {
    return work()
  } catch {
    throw new PrivacyPassError(reason)
  }
}

/**
 * Over noble: the portable implementation, and the reference for any other. noble computes with big integers, which
 * cannot be overwritten; the random bytes that scalars are made of are.
 */
export function nobleVoprf(random: (length: number) => Uint8Array): Voprf {
  const withRandom = <T>(work: (draw: (length?: number) => Uint8Array) => T): T => {
    const drawn: Uint8Array[] = []
    try {
      return work((length = SCALAR_BYTES) => {
        const bytes = random(length)
        drawn.push(bytes)
        return bytes
      })
    } finally {
      wipe(...drawn)
    }
  }
  return {
    deriveKeyPair: (seed, info) => voprf.deriveKeyPair(seed, info),
    blind: (input) => withRandom((draw) => voprf.blind(input, draw)),
    blindEvaluateBatch({ secretKey, publicKey }, blinded) {
      if (blinded.length === 0) throw new PrivacyPassError("batch-size")
      return refusedAs("element", () =>
        withRandom((draw) => voprf.blindEvaluateBatch(secretKey, publicKey, [...blinded], draw)),
      )
    },
    finalizeBatch(publicKey, items, proof) {
      if (items.length === 0) throw new PrivacyPassError("batch-size")
      return refusedAs("proof", () => voprf.finalizeBatch([...items], publicKey, proof))
    },
    evaluate(secretKey, input) {
      const point = ristretto255_hasher.hashToCurve(input, { DST: HASH_TO_GROUP })
      const element = point.multiply(Point.Fn.fromBytes(secretKey)).toBytes()
      const writer = new Writer().u16(input.length).raw(input).u16(element.length).raw(element)
      return sha512(writer.raw(FINALIZE).view())
    },
  }
}
