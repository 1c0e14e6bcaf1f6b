import { CodecError, decodeAll, encodeWith, type Reader, Writer } from "../../wire/tls.ts"
import { type Capabilities, readCapabilities, writeCapabilities } from "./capabilities.ts"
import { type Credential, readCredential, writeCredential } from "./credential.ts"
import { type Extension, readExtensions, writeExtensions } from "./extension.ts"

/** When clients consider a leaf valid, in seconds since 1970-01-01T00:00:00Z, both ends included. */
export interface Lifetime {
  readonly notBefore: bigint
  readonly notAfter: bigint
}

/** How a leaf came into the tree, with what only that way can supply (RFC 9420 section 7.2). */
export type LeafNodeSource =
  | { readonly kind: "keyPackage"; readonly lifetime: Lifetime }
  | { readonly kind: "update" }
  | { readonly kind: "commit"; readonly parentHash: Uint8Array }

/** A member's place in the tree, signed by the member (RFC 9420 section 7.2). */
export interface LeafNode {
  readonly encryptionKey: Uint8Array
  readonly signatureKey: Uint8Array
  readonly credential: Credential
  readonly capabilities: Capabilities
  readonly source: LeafNodeSource
  readonly extensions: readonly Extension[]
  readonly signature: Uint8Array
}

const SOURCE_KEY_PACKAGE = 1
const SOURCE_UPDATE = 2
const SOURCE_COMMIT = 3

function readSource(reader: Reader): LeafNodeSource {
  const kind = reader.u8()
  if (kind === SOURCE_KEY_PACKAGE) {
    return { kind: "keyPackage", lifetime: { notBefore: reader.u64(), notAfter: reader.u64() } }
  }
  if (kind === SOURCE_UPDATE) return { kind: "update" }
  if (kind === SOURCE_COMMIT) return { kind: "commit", parentHash: reader.opaque() }
  throw new CodecError("leaf node source unknown")
}

function writeSource(writer: Writer, source: LeafNodeSource): void {
  if (source.kind === "keyPackage") {
    writer.u8(SOURCE_KEY_PACKAGE).u64(source.lifetime.notBefore).u64(source.lifetime.notAfter)
  } else if (source.kind === "update") writer.u8(SOURCE_UPDATE)
  else writer.u8(SOURCE_COMMIT).opaque(source.parentHash)
}

export function readLeafNode(reader: Reader): LeafNode {
  return {
    encryptionKey: reader.opaque(),
    signatureKey: reader.opaque(),
    credential: readCredential(reader),
    capabilities: readCapabilities(reader),
    source: readSource(reader),
    extensions: readExtensions(reader),
    signature: reader.opaque(),
  }
}

function writeUnsigned(writer: Writer, leaf: Omit<LeafNode, "signature">): void {
  writer.opaque(leaf.encryptionKey).opaque(leaf.signatureKey)
  writeCredential(writer, leaf.credential)
  writeCapabilities(writer, leaf.capabilities)
  writeSource(writer, leaf.source)
  writeExtensions(writer, leaf.extensions)
}

export function writeLeafNode(writer: Writer, leaf: LeafNode): void {
  writeUnsigned(writer, leaf)
  writer.opaque(leaf.signature)
}

export function decodeLeafNode(bytes: Uint8Array): LeafNode {
  return decodeAll(bytes, readLeafNode)
}

export function encodeLeafNode(leaf: LeafNode): Uint8Array {
  return encodeWith(leaf, writeLeafNode)
}

/** The group and the place a leaf was signed for; leaves of KeyPackages are signed for none. */
export interface LeafPlace {
  readonly groupId: Uint8Array
  readonly leafIndex: number
}

/** LeafNodeTBS (RFC 9420 section 7.2): what the leaf's signature covers. */
export function leafNodeToBeSigned(
  leaf: Omit<LeafNode, "signature">,
  place: LeafPlace | undefined,
): Uint8Array {
  const writer = new Writer(512)
  writeUnsigned(writer, leaf)
  if (leaf.source.kind !== "keyPackage" && place !== undefined) {
    writer.opaque(place.groupId).u32(place.leafIndex)
  }
  return writer.finish()
}
