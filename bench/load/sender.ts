import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { encodeMlsMessage } from "../../src/mls/codec/message.ts"
import { ds } from "../../src/wire/ds.ts"
import { operationBody } from "../signed-body.ts"
import type { Talker } from "./commands.ts"

/** A request that is signed and not yet sent. */
export interface Request {
  readonly talker: Talker
  /** Its index. */
  readonly at: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array<ArrayBuffer>
}

export interface Posted {
  readonly status: number
  readonly retryAfter: boolean
}

/** Signs and sends messages of all talkers in turn. */
export class Sender {
  talkers: readonly Talker[] = []
  tokens: string[] = []
  #turn = 0

  next(): Request {
    const at = this.#turn++ % this.talkers.length
    const talker = this.talkers[at] as Talker
    const { groupId, earKey, leaf, seed } = talker
    const params = { groupId, earKey, message: messageOf(talker) }
    const body = operationBody("sendMessage", { sender: { kind: "leaf", leaf }, seed }, params)
    const token = this.tokens.pop()
    const headers = {
      "content-type": "application/cbor",
      ...(token === undefined ? {} : { authorization: token }),
    }
    return { talker, at, headers, body: body as Uint8Array<ArrayBuffer> }
  }

  async post(url: string, { headers, body }: Request): Promise<Posted> {
    const answer = await fetch(url + ds.sendMessage.path, { method: "POST", headers, body })
    await answer.arrayBuffer()
    return { status: answer.status, retryAfter: answer.headers.has("retry-after") }
  }
}

/** A PrivateMessage of the talker's size, of random bytes where only members could tell. */
function messageOf({ groupId, epoch, messageBytes }: Talker): Uint8Array {
  const encode = (ciphertextBytes: number) =>
    encodeMlsMessage({
      kind: "privateMessage",
      message: {
        groupId,
        epoch,
        contentKind: "application",
        authenticatedData: new Uint8Array(0),
        encryptedSenderData: crypto.random(28),
        ciphertext: crypto.random(ciphertextBytes),
      },
    })
  return encode(messageBytes - (encode(messageBytes).length - messageBytes))
}
