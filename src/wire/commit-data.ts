import { ADDS_PER_COMMIT_MAX, ENCRYPTED_CREDENTIAL_BYTES_MAX } from "../limits.ts"
import { CodecError, decodeAll, encodeWith, type Reader, type Writer } from "./tls.ts"

/**
 * Encrypted client credentials travel in the authenticated data of the commit that brings their leaves, so that
 * members and DS get the same ones (Phoenix book, delivery service).
 */

function writeCredential(writer: Writer, credential: Uint8Array): void {
  writer.opaque(credential)
}

function readCredential(reader: Reader): Uint8Array {
  const credential = reader.opaque()
  if (credential.length === 0 || credential.length > ENCRYPTED_CREDENTIAL_BYTES_MAX) {
    throw new CodecError("encrypted credential length")
  }
  return credential
}

/** `struct { opaque encrypted_credential<V>; } AddedCredential credentials<V>`: one per Add, in their order. */
export function encodeAddUsersData(credentials: readonly Uint8Array[]): Uint8Array {
  return encodeWith(credentials, (writer, list) => writer.vector(list, writeCredential))
}

export function decodeAddUsersData(bytes: Uint8Array): Uint8Array[] {
  const credentials = decodeAll(bytes, (reader) => reader.vector(readCredential))
  if (credentials.length > ADDS_PER_COMMIT_MAX) throw new CodecError("too many encrypted credentials")
  return credentials
}

/** `optional<opaque encrypted_credential<V>>`: needed where the leaf's credential changes. */
export function encodeUpdateClientData(credential?: Uint8Array): Uint8Array {
  return encodeWith(credential, (writer, value) => writer.optional(value, writeCredential))
}

export function decodeUpdateClientData(bytes: Uint8Array): Uint8Array | undefined {
  return decodeAll(bytes, (reader) => reader.optional(readCredential))
}

/** `opaque encrypted_credential<V>` of whoever joins from outside, or comes back. */
export function encodeExternalCommitData(credential: Uint8Array): Uint8Array {
  return encodeWith(credential, writeCredential)
}

export function decodeExternalCommitData(bytes: Uint8Array): Uint8Array {
  return decodeAll(bytes, readCredential)
}
