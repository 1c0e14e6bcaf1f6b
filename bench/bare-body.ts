import { nativeCrypto as crypto } from "../src/crypto/native.ts"
import { KEY_BYTES, SIGNATURE_BYTES } from "../src/limits.ts"
import { TOKEN_INPUT_BYTES } from "../src/privacypass/token.ts"
import { decodeAll } from "../src/wire/tls.ts"

/** What a send to one brings, as far as its model knows: a body for bare-send.ts. */
export interface BareSend {
  readonly tokenInput: Uint8Array
  readonly publicKey: Uint8Array
  readonly signature: Uint8Array
  readonly message: Uint8Array
}

/** Of the group's head, which is opened for it. */
export const HEAD_BYTES = 4096
const SIGNED_BYTES = 800

export function bareBody(): Buffer<ArrayBuffer> {
  const seed = crypto.random(KEY_BYTES)
  const message = crypto.random(SIGNED_BYTES)
  const signature = crypto.ed25519Sign(seed, message)
  return Buffer.concat([crypto.random(TOKEN_INPUT_BYTES), crypto.ed25519Public(seed), signature, message])
}

export function readSend(body: Uint8Array): BareSend {
  return decodeAll(body, (reader) => ({
    tokenInput: reader.raw(TOKEN_INPUT_BYTES),
    publicKey: reader.raw(KEY_BYTES),
    signature: reader.raw(SIGNATURE_BYTES),
    message: reader.raw(SIGNED_BYTES),
  }))
}
