import type { CryptoProvider } from "../crypto/provider.ts"
import { FORMAT_VERSION, HASH_BYTES } from "../limits.ts"
import { equal, utf8 } from "../wire/bytes.ts"
import { CodecError, Reader, Writer } from "../wire/tls.ts"

/**
 * The form of the files that an operator handles:
 *
 *     struct { opaque magic[n]; u8 version; content; opaque digest[32]; }
 *
 * The magic is a line of text that names the kind, so that one file is not taken for another. The digest is SHA-256 of
 * what is before it, against damage, not against forgery.
 */
const magics = {
  secrets: utf8("Cinder 1 secrets\n"),
  root: utf8("Cinder 1 root\n"),
  request: utf8("Cinder 1 request\n"),
  credential: utf8("Cinder 1 credential\n"),
  day: utf8("Cinder 1 day\n"),
} as const

export type FileKind = keyof typeof magics

/** One file's content, which the caller overwrites if it is secret; the buffers in between are overwritten here. */
export function encodeFile(
  crypto: CryptoProvider,
  kind: FileKind,
  write: (writer: Writer) => void,
): Uint8Array {
  const writer = new Writer().raw(magics[kind]).u8(FORMAT_VERSION)
  write(writer)
  writer.raw(crypto.sha256(writer.view()))
  const encoded = writer.finish()
  writer.wipe()
  return encoded
}

/** The file is whole and of its kind, in a form that only a newer program knows. */
export class NewerForm extends CodecError {}

/** The reverse; `read` must consume the content exactly. Throws CodecError on anything else, NewerForm among it. */
export function decodeFile<T>(
  crypto: CryptoProvider,
  kind: FileKind,
  bytes: Uint8Array,
  read: (reader: Reader) => T,
): T {
  const end = bytes.length - HASH_BYTES
  if (end < 0 || !equal(crypto.sha256(bytes.subarray(0, end)), bytes.subarray(end)))
    throw new CodecError("file digest")
  const reader = new Reader(bytes.subarray(0, end))
  const magic = magics[kind]
  if (!equal(reader.raw(magic.length), magic)) throw new CodecError("file kind")
  const version = reader.u8()
  if (version > FORMAT_VERSION) throw new NewerForm("file version")
  if (version !== FORMAT_VERSION) throw new CodecError("file version")
  const value = read(reader)
  reader.end()
  return value
}

/** What kind of file the bytes begin like. */
export function fileKind(bytes: Uint8Array): FileKind | undefined {
  const kinds = Object.keys(magics) as FileKind[]
  return kinds.find((kind) => equal(bytes.subarray(0, magics[kind].length), magics[kind]))
}
