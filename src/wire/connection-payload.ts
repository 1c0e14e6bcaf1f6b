import { KEY_BYTES } from "../limits.ts"
import {
  type Expiration,
  readExpiration,
  readVersion,
  writeExpiration,
  writeVersion,
} from "./credential-format.ts"
import { CodecError, Reader, type Writer } from "./tls.ts"

/**
 * What every connection package begins with, whoever published it (connection_establishment.md of the Phoenix book):
 *
 *     struct { u8 version; opaque encryption_key[32]; ExpirationData expiration; } ConnectionPackagePayload
 *
 * A client's package goes on with its credential, an alias's with the alias's key.
 */
export interface ConnectionPackagePayload {
  /** HPKE public key, 32 bytes. */
  readonly encryptionKey: Uint8Array
  readonly expiration: Expiration
}

export function writePayload(writer: Writer, { encryptionKey, expiration }: ConnectionPackagePayload): void {
  if (encryptionKey.length !== KEY_BYTES) throw new CodecError("encryption key length")
  writeVersion(writer)
  writer.raw(encryptionKey)
  writeExpiration(writer, expiration)
}

export function readPayload(reader: Reader): ConnectionPackagePayload {
  readVersion(reader)
  const encryptionKey = reader.raw(KEY_BYTES).slice()
  return { encryptionKey, expiration: readExpiration(reader) }
}

/** The payload at the beginning of a package of either kind. Throws CodecError if there is none. */
export function payloadOf(connectionPackage: Uint8Array): ConnectionPackagePayload {
  return readPayload(new Reader(connectionPackage))
}
