import { nativeCrypto as crypto } from "../src/crypto/native.ts"
import { FORMAT_VERSION, REQUEST_NONCE_BYTES } from "../src/limits.ts"
import { concat } from "../src/wire/bytes.ts"
import { encodeCbor } from "../src/wire/cbor.ts"
import { externalAad, signRequest } from "../src/wire/cose.ts"
import { ds } from "../src/wire/ds.ts"
import type { Params } from "../src/wire/endpoint.ts"
import { encodeSenderId, type SenderId } from "../src/wire/sender.ts"

/** Signed requests, as clients make them. */

export interface Signer {
  readonly sender: SenderId
  readonly seed: Uint8Array
}

/** The operations that the benchmarks time. */
export type TimedOperation = "sendMessage" | "addUsers" | "welcomeInfo" | "updateClient" | "removeUsers"

/** A signed body as it lies in an HTTP request: version byte and COSE_Sign1. */
export function signedBody(
  method: string,
  path: string,
  { sender, seed }: Signer,
  params: unknown,
): Uint8Array {
  const parts = {
    kid: encodeSenderId(sender),
    issuedAt: Math.floor(Date.now() / 1000),
    nonce: crypto.random(REQUEST_NONCE_BYTES),
    payload: encodeCbor(params),
  }
  return concat(Uint8Array.of(FORMAT_VERSION), signRequest(crypto, seed, parts, externalAad(method, path)))
}

export function operationBody<K extends TimedOperation>(
  name: K,
  signer: Signer,
  params: Params<(typeof ds)[K]>,
): Uint8Array {
  return signedBody("POST", ds[name].path, signer, params)
}
