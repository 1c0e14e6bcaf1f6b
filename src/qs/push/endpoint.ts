import { HOST_CHARACTERS_MAX } from "../../limits.ts"
import { fromUtf8, utf8 } from "../../wire/bytes.ts"

/** A push resource (RFC 8030 section 4) as a request needs it. */
export interface PushEndpoint {
  readonly host: string
  readonly port: number
  /** Path and query, a view of the URL. */
  readonly path: Uint8Array
  /** Scheme, host and port, as in the `aud` of RFC 8292. */
  readonly origin: string
}

const SCHEME = utf8("https://")
const SLASH = 0x2f
const HASH = 0x23
/** A DNS name whose last label begins with a letter, so that no form of an address is taken for one; perhaps a port. */
const AUTHORITY =
  /^((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)(?::([1-9][0-9]{0,4}))?$/

/** Takes the URL apart. Undefined for anything but `https://name[:port]/path`. Of the path no string is made. */
export function parseEndpoint(url: Uint8Array): PushEndpoint | undefined {
  if (!SCHEME.every((byte, i) => url[i] === byte)) return undefined
  if (!url.every((byte) => byte > 0x20 && byte < 0x7f && byte !== HASH)) return undefined
  const slash = url.indexOf(SLASH, SCHEME.length)
  if (slash < 0) return undefined
  const authority = fromUtf8(url.subarray(SCHEME.length, slash))
  const match = authority.length <= HOST_CHARACTERS_MAX ? AUTHORITY.exec(authority) : null
  const port = Number(match?.[2] ?? 443)
  if (match === null || port > 65_535) return undefined
  const host = match[1] as string
  return { host, port, path: url.subarray(slash), origin: `https://${host}${port === 443 ? "" : `:${port}`}` }
}
