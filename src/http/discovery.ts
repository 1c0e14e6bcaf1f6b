import { FORMAT_VERSION } from "../limits.ts"
import { STREAM_PATH } from "../wire/queue.ts"

/** Path of the document that names a domain's services (docs/protocol.md section 8). */
export const DISCOVERY_PATH = "/.well-known/phoenix"

/** What clients and other servers need to find this one's services. */
export function discoveryDocument(domain: string, publicUrl: string) {
  const service = { url: publicUrl }
  const stream = `${publicUrl.replace(/^http/, "ws")}${STREAM_PATH}`
  return { version: FORMAT_VERSION, domain, as: service, ds: service, qs: { ...service, stream } }
}
