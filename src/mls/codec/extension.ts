import { decodeAll, encodeWith, type Reader, type Writer } from "../../wire/tls.ts"

/** One extension (RFC 9420 section 7.2); `data` is the content of `extension_data`, whatever its type. */
export interface Extension {
  readonly type: number
  readonly data: Uint8Array
}

export function readExtension(reader: Reader): Extension {
  return { type: reader.u16(), data: reader.opaque() }
}

export function writeExtension(writer: Writer, extension: Extension): void {
  writer.u16(extension.type).opaque(extension.data)
}

export function readExtensions(reader: Reader): Extension[] {
  return reader.vector(readExtension)
}

export function writeExtensions(writer: Writer, extensions: readonly Extension[]): void {
  writer.vector(extensions, writeExtension)
}

/** `Extension extensions<V>`. Throws CodecError. */
export function decodeExtensions(bytes: Uint8Array): Extension[] {
  return decodeAll(bytes, readExtensions)
}

export function encodeExtensions(extensions: readonly Extension[]): Uint8Array {
  return encodeWith(extensions, writeExtensions)
}

/** The first extension of a type; a valid list has at most one. */
export function findExtension(extensions: readonly Extension[], type: number): Extension | undefined {
  return extensions.find((extension) => extension.type === type)
}
