import { nativeCrypto as crypto } from "../src/crypto/native.ts"

/** What a send to one brings, as far as its model knows: a body for bare-send.ts. */
export interface BareSend {
  readonly tokenInput: Uint8Array
  readonly publicKey: Uint8Array
  readonly signature: Uint8Array
  readonly message: Uint8Array
}

const TOKEN_INPUT_BYTES = 98
const KEY_BYTES = 32
const SIGNATURE_BYTES = 64
const MESSAGE_BYTES = 800

export function bareBody(): Buffer<ArrayBuffer> {
  const seed = crypto.random(KEY_BYTES)
  const message = crypto.random(MESSAGE_BYTES)
  const signature = crypto.ed25519Sign(seed, message)
  return Buffer.concat([crypto.random(TOKEN_INPUT_BYTES), crypto.ed25519Public(seed), signature, message])
}

export function readSend(body: Uint8Array): BareSend {
  let at = 0
  const take = (bytes: number): Uint8Array => {
    at += bytes
    return body.subarray(at - bytes, at)
  }
  return {
    tokenInput: take(TOKEN_INPUT_BYTES),
    publicKey: take(KEY_BYTES),
    signature: take(SIGNATURE_BYTES),
    message: take(MESSAGE_BYTES),
  }
}
