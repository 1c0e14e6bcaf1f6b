import { CLIENT_ID_BYTES, DOMAIN_CHARACTERS_MAX, ID_BYTES } from "../limits.ts"
import { concat, fromHex, fromUtf8, toHex, utf8 } from "./bytes.ts"
import { CodecError, type Reader, type Writer } from "./tls.ts"

/**
 * Names of people and their devices (glossary of the Phoenix book): a user id is a UUID at the domain of the user's
 * AS, a client id is the user's UUID followed by the client's. On the wire both are the raw bytes beside a domain;
 * the text form is for people.
 */
export interface UserId {
  /** 16 bytes. */
  readonly user: Uint8Array
  readonly domain: string
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const DOMAIN = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/

/** The text form `uuid@domain` of a 16-byte user id. */
export function formatUserId(user: Uint8Array, domain: string): string {
  if (user.length !== ID_BYTES) throw new CodecError("user id length")
  const hex = toHex(user)
  const groups = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)]
  return `${groups.join("-")}@${domain}`
}

/** The reverse of {@link formatUserId}. Throws CodecError unless the text is that function's result. */
export function parseUserId(text: string): UserId {
  const at = text.indexOf("@")
  const uuid = text.slice(0, at)
  const domain = text.slice(at + 1)
  if (at < 0 || !UUID.test(uuid)) throw new CodecError("user id")
  return { user: fromHex(uuid.replaceAll("-", "")), domain: checkedDomain(domain) }
}

/** The 32-byte client id of a user's client, both named by 16 bytes. */
export function makeClientId(user: Uint8Array, client: Uint8Array): Uint8Array {
  if (user.length !== ID_BYTES || client.length !== ID_BYTES) throw new CodecError("client id length")
  return concat(user, client)
}

/** The 16-byte user id in a client id, as a copy. */
export function userOfClient(clientId: Uint8Array): Uint8Array {
  if (clientId.length !== CLIENT_ID_BYTES) throw new CodecError("client id length")
  return clientId.slice(0, ID_BYTES)
}

/** `opaque domain<V>`. */
export function writeDomain(writer: Writer, domain: string): void {
  writer.opaque(utf8(checkedDomain(domain)))
}

export function readDomain(reader: Reader): string {
  const bytes = reader.opaque()
  if (bytes.length > DOMAIN_CHARACTERS_MAX) throw new CodecError("domain")
  try {
    return checkedDomain(fromUtf8(bytes))
  } catch {
    throw new CodecError("domain")
  }
}

function checkedDomain(domain: string): string {
  if (domain.length > DOMAIN_CHARACTERS_MAX || !DOMAIN.test(domain)) throw new CodecError("domain")
  return domain
}
