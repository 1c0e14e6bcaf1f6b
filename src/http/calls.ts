import type { Static, TSchema } from "@sinclair/typebox"
import { TypeCompiler } from "@sinclair/typebox/compiler"
import type { CryptoProvider } from "../crypto/provider.ts"
import { FORMAT_VERSION } from "../limits.ts"
import type { SignedCall, Verified } from "../wire/call.ts"
import { decodeBody, decodeCbor } from "../wire/cbor.ts"
import { externalAad, parseRequest, type SignedRequest } from "../wire/cose.ts"
import type { Sender } from "../wire/endpoint.ts"
import { Problem, type ProblemCode } from "../wire/problem.ts"
import { decodeSenderId } from "../wire/sender.ts"
import type { Freshness } from "./freshness.ts"
import type { ReplayCache } from "./replay.ts"

/** Decoded bytes that have the members, types and sizes of their schema, and no others. Throws Problem, CodecError. */
export type Decoder<T extends TSchema> = (bytes: Uint8Array) => Static<T>

/** Versioned, unsigned parameters. */
export function bodyDecoder<T extends TSchema>(schema: T): Decoder<T> {
  return checked(schema, decodeBody)
}

function checked<T extends TSchema>(schema: T, decode: (bytes: Uint8Array) => unknown): Decoder<T> {
  const check = TypeCompiler.Compile(schema)
  return (bytes) => {
    const value = decode(bytes)
    if (!check.Check(value)) throw new Problem("request.malformed")
    return value
  }
}

/** What opening signed requests needs; one for the whole process. */
export interface CallGuard {
  readonly crypto: CryptoProvider
  readonly freshness: Freshness
  readonly replay: ReplayCache
}

/** A method and path, who may sign for it, and its parameters. */
export interface SignedOperation<T extends TSchema> {
  readonly method: "GET" | "POST"
  readonly path: string
  readonly sender: Exclude<Sender, "none">
  readonly params: T
}

/**
 * Makes the function that opens an operation's signed bodies: version byte, COSE_Sign1, sender's kind, freshness,
 * parameters. The signature itself is checked by the service, which knows the key, through `verify`.
 *
 * The function throws Problem `request.malformed` or `auth.stale`, or CodecError.
 */
export function callOpener<T extends TSchema>(
  guard: CallGuard,
  operation: SignedOperation<T>,
): (body: Uint8Array) => SignedCall<Static<T>> {
  const decodeParams = checked(operation.params, decodeCbor)
  const aad = externalAad(operation.method, operation.path)
  return (body) => {
    if (body[0] !== FORMAT_VERSION) throw new Problem("request.malformed")
    const signed = parseRequest(body.subarray(1))
    const sender = decodeSenderId(signed.kid)
    if (sender.kind !== operation.sender) throw new Problem("request.malformed")
    if (!guard.freshness.isFresh(signed.issuedAt)) throw new Problem("auth.stale")
    const claimed = decodeParams(signed.payload)
    let admitted = false
    return {
      sender,
      claimed,
      verify(publicKey) {
        if (!signed.verify(guard.crypto, publicKey, aad)) throw new Problem("auth.refused")
        if (!admitted) admit(guard, signed)
        admitted = true
        return claimed as Verified<Static<T>>
      },
    }
  }
}

const refusals = { seen: "auth.replayed", full: "server.overloaded" } as const satisfies Record<
  string,
  ProblemCode
>

function admit({ freshness, replay }: CallGuard, { kid, nonce }: SignedRequest): void {
  const outcome = replay.admit(kid, nonce, freshness.now())
  if (outcome !== "admitted") throw new Problem(refusals[outcome])
}
