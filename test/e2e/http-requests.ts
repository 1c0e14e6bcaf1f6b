import { Buffer } from "node:buffer"

/** One request as it went over the wire. */
export interface WireRequest {
  /** Request line and headers. */
  readonly head: string
  readonly method: string
  readonly target: string
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>
}

/** The HTTP/1.1 requests that a client sent on one connection; what follows an upgrade is no HTTP any more. */
export function requestsOf(sent: readonly Uint8Array[]): WireRequest[] {
  const requests: WireRequest[] = []
  let rest = Buffer.concat(sent)
  while (rest.length > 0) {
    const end = rest.indexOf("\r\n\r\n")
    if (end < 0) throw new Error("a request without an end")
    const request = parse(rest.toString("latin1", 0, end))
    requests.push(request)
    if (request.headers.has("upgrade")) break
    if (request.headers.has("transfer-encoding")) throw new Error("a request of unknown length")
    rest = rest.subarray(end + 4 + Number(request.headers.get("content-length") ?? 0))
  }
  return requests
}

function parse(head: string): WireRequest {
  const [line = "", ...fields] = head.split("\r\n")
  const [method = "", target = "", version] = line.split(" ")
  if (version !== "HTTP/1.1") throw new Error("not a request")
  const headers = new Map<string, string>()
  for (const field of fields) {
    const colon = field.indexOf(":")
    const name = field.slice(0, colon).toLowerCase()
    if (headers.has(name)) throw new Error("a header that comes twice")
    headers.set(name, field.slice(colon + 1).trim())
  }
  return { head, method, target, headers }
}
