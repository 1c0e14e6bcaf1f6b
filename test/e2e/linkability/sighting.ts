import { SIGNATURE_BYTES } from "../../../src/limits.ts"
import { parseAuthorization } from "../../../src/privacypass/header.ts"
import { decodeToken, type Token } from "../../../src/privacypass/token.ts"
import { parseRequest, type SignedRequest } from "../../../src/wire/cose.ts"
import { STREAM_PATH } from "../../../src/wire/queue.ts"
import { decodeSenderId, type SenderId } from "../../../src/wire/sender.ts"
import { CodecError } from "../../../src/wire/tls.ts"
import { answersOf, requestsOf, upgradedPart, type WireMessage, type WireRequest } from "../http-requests.ts"
import type { Passage } from "../proxy.ts"

/**
 * What the running server sees of one request, nothing of it hidden but when it came: traffic analysis is not promised
 * against. The name of the host is not in it, because here every client has an address of its own for the same server.
 */
export interface Sighting {
  /** Requests of one connection have the same. */
  readonly connection: number
  readonly target: string
  readonly headers: readonly string[]
  readonly sender: SenderId | undefined
  /** Seconds from the server's clock back to the time that the request was signed with. */
  readonly lag: number | undefined
  readonly token: Token | undefined
  /** All else that the client sent: what it signed and the signature, or its parameters; frames of a stream. */
  readonly sent: readonly Uint8Array[]
  readonly answer: Uint8Array
  /** Bytes of head and body, without those of the connection's address. */
  readonly size: number
}

/** What the client means, its address and what is random by itself is not its headers. */
const NOT_A_TRAIT = new Set(["host", "authorization", "content-length", "sec-websocket-key"])

export function sightingsOf(passages: readonly Passage[], firstConnection: number): Sighting[] {
  return passages.flatMap(({ sent, received }, index) => {
    const answers = answersOf(received)
    return requestsOf(sent).map((request, position): Sighting => {
      const seen = sighting(firstConnection + index, request, answers[position])
      if (request.target !== STREAM_PATH) return seen
      const [opening, ...frames] = framesOf(upgradedPart(sent))
      const { sender, sent: parts } = bodyOf(opening ?? request.body)
      return { ...seen, sender, sent: [...parts, ...frames], answer: upgradedPart(received) }
    })
  })
}

function sighting(
  connection: number,
  { target, headers, body, head }: WireRequest,
  answer: WireMessage | undefined,
): Sighting {
  const date = answer?.headers.get("date")
  const authorization = headers.get("authorization")
  const token = authorization === undefined ? undefined : decodeToken(parseAuthorization(authorization))
  const { sender, sent, issuedAt } = bodyOf(body)
  return {
    connection,
    target,
    headers: [...headers].filter(([name]) => !NOT_A_TRAIT.has(name)).map((field) => field.join(": ")),
    sender,
    lag: issuedAt === undefined || date === undefined ? undefined : Date.parse(date) / 1000 - issuedAt,
    token,
    sent: token === undefined ? sent : [...sent, token.nonce, token.authenticator],
    answer: answer?.body ?? new Uint8Array(0),
    size: head.length - (headers.get("host")?.length ?? 0) + body.length,
  }
}

/** Of a body everything but the time that it was signed at, which is looked at alone. */
function bodyOf(body: Uint8Array): Pick<Sighting, "sender" | "sent"> & { readonly issuedAt?: number } {
  const request = signedRequest(body)
  if (request === undefined) return { sender: undefined, sent: [body] }
  const { kid, nonce, payload, issuedAt } = request
  const sender = decodeSenderId(kid)
  const id = sender.kind === "leaf" ? [] : [sender.id]
  return { sender, issuedAt, sent: [kid, ...id, nonce, payload, body.subarray(-SIGNATURE_BYTES)] }
}

function signedRequest(body: Uint8Array): SignedRequest | undefined {
  try {
    return parseRequest(body.subarray(1))
  } catch (error) {
    if (error instanceof CodecError) return undefined
    throw error
  }
}

const CLOSE = 8
const BINARY = 2

/** The binary messages in what a client sent over a WebSocket (RFC 6455 section 5.2), unmasked. */
function framesOf(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const frames: Uint8Array[] = []
  let at = 0
  while (at + 2 <= bytes.length) {
    const [first, second] = [view.getUint8(at), view.getUint8(at + 1)]
    if ((first & 0x70) !== 0 || (second & 0x80) === 0) throw new Error("compressed, or not from a client")
    const short = second & 0x7f
    const length = short < 126 ? short : short === 126 ? view.getUint16(at + 2) : view.getUint32(at + 6)
    const mask = at + (short < 126 ? 2 : short === 126 ? 4 : 10)
    const masked = bytes.subarray(mask + 4, mask + 4 + length)
    if ((first & 0x0f) === BINARY) frames.push(masked.map((byte, i) => byte ^ view.getUint8(mask + (i & 3))))
    else if ((first & 0x0f) !== CLOSE && (first & 0x0f) < CLOSE) throw new Error("a frame in parts")
    at = mask + 4 + length
  }
  return frames
}
