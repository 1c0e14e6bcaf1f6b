import { decodeAll, encodeWith, type Reader, type Writer } from "../../wire/tls.ts"
import { type Extension, readExtensions, writeExtensions } from "./extension.ts"
import { type LeafNode, readLeafNode, writeLeafNode } from "./leaf-node.ts"

/** What a client publishes so that others can add it (RFC 9420 section 10). */
export interface KeyPackage {
  readonly version: number
  readonly cipherSuite: number
  readonly initKey: Uint8Array
  readonly leafNode: LeafNode
  readonly extensions: readonly Extension[]
  readonly signature: Uint8Array
}

export function readKeyPackage(reader: Reader): KeyPackage {
  return {
    version: reader.u16(),
    cipherSuite: reader.u16(),
    initKey: reader.opaque(),
    leafNode: readLeafNode(reader),
    extensions: readExtensions(reader),
    signature: reader.opaque(),
  }
}

function writeUnsigned(writer: Writer, keyPackage: Omit<KeyPackage, "signature">): void {
  writer.u16(keyPackage.version).u16(keyPackage.cipherSuite).opaque(keyPackage.initKey)
  writeLeafNode(writer, keyPackage.leafNode)
  writeExtensions(writer, keyPackage.extensions)
}

export function writeKeyPackage(writer: Writer, keyPackage: KeyPackage): void {
  writeUnsigned(writer, keyPackage)
  writer.opaque(keyPackage.signature)
}

/** Decodes a bare KeyPackage (not one inside an MLSMessage). Throws CodecError. */
export function decodeKeyPackage(bytes: Uint8Array): KeyPackage {
  return decodeAll(bytes, readKeyPackage)
}

export function encodeKeyPackage(keyPackage: KeyPackage): Uint8Array {
  return encodeWith(keyPackage, writeKeyPackage)
}

/** KeyPackageTBS: what the KeyPackage's signature covers. */
export function keyPackageToBeSigned(keyPackage: Omit<KeyPackage, "signature">): Uint8Array {
  return encodeWith(keyPackage, writeUnsigned)
}
