import { Buffer } from "node:buffer"

/** One request or answer as it went over the wire. */
export interface WireMessage {
  /** First line and headers. */
  readonly head: string
  /** Words of the first line. */
  readonly line: readonly string[]
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Uint8Array
}

export interface WireRequest extends WireMessage {
  readonly method: string
  readonly target: string
}

/** The HTTP/1.1 requests that a client sent on one connection; what follows an upgrade is no HTTP any more. */
export function requestsOf(sent: readonly Uint8Array[]): WireRequest[] {
  return parseAll(Buffer.concat(sent)).messages.map((message) => {
    const [method = "", target = "", version] = message.line
    if (version !== "HTTP/1.1") throw new Error("not a request")
    return { ...message, method, target }
  })
}

/** The answers to them, whole ones only. */
export function answersOf(received: readonly Uint8Array[]): WireMessage[] {
  return parseAll(Buffer.concat(received)).messages
}

/** What a client sent, or received, after its connection was upgraded. */
export function upgradedPart(bytes: readonly Uint8Array[]): Uint8Array {
  return parseAll(Buffer.concat(bytes)).rest
}

function parseAll(bytes: Buffer): { readonly messages: WireMessage[]; readonly rest: Uint8Array } {
  const messages: WireMessage[] = []
  let rest = bytes
  while (rest.length > 0) {
    const end = rest.indexOf("\r\n\r\n")
    if (end < 0) throw new Error("a message without an end")
    const { head, line, headers } = parseHead(rest.toString("latin1", 0, end))
    if (headers.has("transfer-encoding")) throw new Error("a message of unknown length")
    const length = Number(headers.get("content-length") ?? 0)
    messages.push({ head, line, headers, body: Uint8Array.from(rest.subarray(end + 4, end + 4 + length)) })
    rest = rest.subarray(end + 4 + length)
    if (headers.has("upgrade")) break
  }
  return { messages, rest }
}

function parseHead(head: string): Omit<WireMessage, "body"> {
  const [first = "", ...fields] = head.split("\r\n")
  const headers = new Map<string, string>()
  for (const field of fields) {
    const colon = field.indexOf(":")
    const name = field.slice(0, colon).toLowerCase()
    if (headers.has(name)) throw new Error("a header that comes twice")
    headers.set(name, field.slice(colon + 1).trim())
  }
  return { head, line: first.split(" "), headers }
}
