import {
  DOMAIN_CHARACTERS_MAX,
  FORMAT_VERSION,
  ID_BYTES,
  KEY_BYTES,
  QUEUE_CONFIG_BYTES_MAX,
  SIGNATURE_BYTES,
} from "../limits.ts"
import { fromUtf8, utf8 } from "./bytes.ts"
import { CodecError, decodeAll, encodeWith, type Reader, type Writer } from "./tls.ts"

/**
 * Where a member's messages go, as the DS keeps it and as KeyPackages carry it (glossary of the Phoenix book):
 *
 *     struct { opaque domain<V>; opaque sealed<V>; opaque signature[64]; } ClientQueueConfig
 *
 * `sealed` is HPKE base mode to the QS's config key with `domain` as associated data; the plaintext is QueueConfig.
 * `signature` is the QS client's, over `domain<V> || sealed<V>`, so that nobody can make a config for another's queue.
 */
export interface ClientQueueConfig {
  readonly domain: string
  readonly sealed: Uint8Array
  readonly signature: Uint8Array
}

/** `struct { u8 version; opaque client[16]; optional<opaque push_token_key[32]>; zero padding to a fixed length }` */
export interface QueueConfig {
  readonly client: Uint8Array
  readonly pushTokenKey: Uint8Array | undefined
}

const QUEUE_CONFIG_PLAINTEXT_BYTES = 1 + ID_BYTES + 1 + KEY_BYTES

/** MLS KeyPackage extension (private-use range, RFC 9420 section 17.3) that carries a ClientQueueConfig. */
export const QUEUE_CONFIG_EXTENSION_TYPE = 0xf0c1
/** last_resort_key_package of the MLS extensions draft. */
export const LAST_RESORT_EXTENSION_TYPE = 0x000a

function writeSigned(writer: Writer, config: Omit<ClientQueueConfig, "signature">): void {
  writer.opaque(utf8(config.domain)).opaque(config.sealed)
}

/** What `signature` covers. */
export function queueConfigTbs(config: Omit<ClientQueueConfig, "signature">): Uint8Array {
  return encodeWith(config, writeSigned)
}

export function encodeClientQueueConfig(config: ClientQueueConfig): Uint8Array {
  return encodeWith(config, (writer) => {
    writeSigned(writer, config)
    writer.raw(config.signature)
  })
}

/** Throws CodecError unless the bytes are canonical and within their limits. */
export function decodeClientQueueConfig(bytes: Uint8Array): ClientQueueConfig {
  if (bytes.length > QUEUE_CONFIG_BYTES_MAX) throw new CodecError("queue config too long")
  return decodeAll(bytes, (reader) => ({
    domain: decodeDomain(reader.opaque()),
    sealed: reader.opaque(),
    signature: reader.raw(SIGNATURE_BYTES),
  }))
}

function decodeDomain(bytes: Uint8Array): string {
  if (bytes.length === 0 || bytes.length > DOMAIN_CHARACTERS_MAX) throw new CodecError("domain length")
  let domain: string
  try {
    domain = fromUtf8(bytes)
  } catch {
    throw new CodecError("domain is not text")
  }
  if (!/^[a-z0-9.-]+$/.test(domain)) throw new CodecError("domain characters")
  return domain
}

export function encodeQueueConfig(config: QueueConfig): Uint8Array {
  const bytes = new Uint8Array(QUEUE_CONFIG_PLAINTEXT_BYTES)
  bytes[0] = FORMAT_VERSION
  bytes.set(config.client, 1)
  if (config.pushTokenKey !== undefined) {
    bytes[1 + ID_BYTES] = 1
    bytes.set(config.pushTokenKey, 2 + ID_BYTES)
  }
  return bytes
}

export function decodeQueueConfig(bytes: Uint8Array): QueueConfig {
  return decodeAll(bytes, (reader: Reader) => {
    if (reader.u8() !== FORMAT_VERSION) throw new CodecError("queue config version")
    const client = reader.raw(ID_BYTES).slice()
    const present = reader.u8()
    const key = reader.raw(KEY_BYTES)
    if (present === 1) return { client, pushTokenKey: key.slice() }
    if (present !== 0 || key.some((byte) => byte !== 0)) throw new CodecError("queue config padding")
    return { client, pushTokenKey: undefined }
  })
}
