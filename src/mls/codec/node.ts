import { CodecError, decodeAll, encodeWith, type Reader, type Writer } from "../../wire/tls.ts"
import { readLeafNode } from "./leaf-node.ts"

/** A parent in the ratchet tree (RFC 9420 section 7.1); unmerged leaves in strictly increasing order. */
export interface ParentNode {
  readonly encryptionKey: Uint8Array
  readonly parentHash: Uint8Array
  readonly unmergedLeaves: readonly number[]
}

/** NodeType of RFC 9420 section 7.8. */
export const NODE_LEAF = 1
export const NODE_PARENT = 2

/** The encoding of an absent node: `optional<Node>` without a value. */
export const BLANK_NODE: Uint8Array = Uint8Array.of(0)
/** Bytes in front of the LeafNode or ParentNode in a present `optional<Node>`. */
export const NODE_HEADER_BYTES = 2

export function readParentNode(reader: Reader): ParentNode {
  const encryptionKey = reader.opaque()
  const parentHash = reader.opaque()
  const unmergedLeaves = reader.vector((r) => r.u32())
  for (let i = 1; i < unmergedLeaves.length; i++) {
    if ((unmergedLeaves[i] as number) <= (unmergedLeaves[i - 1] as number)) {
      throw new CodecError("unmerged leaves not in increasing order")
    }
  }
  return { encryptionKey, parentHash, unmergedLeaves }
}

function writeParentNode(writer: Writer, parent: ParentNode): void {
  writer.opaque(parent.encryptionKey).opaque(parent.parentHash)
  writer.vector(parent.unmergedLeaves, (w, leaf) => w.u32(leaf))
}

/** A present `optional<Node>` holding a parent. */
export function encodeParentEntry(parent: ParentNode): Uint8Array {
  return encodeWith(parent, (writer, value) => {
    writer.u8(1).u8(NODE_PARENT)
    writeParentNode(writer, value)
  })
}

/** A present `optional<Node>` holding a leaf that is encoded already. */
export function leafEntry(leafNodeBytes: Uint8Array): Uint8Array {
  const entry = new Uint8Array(NODE_HEADER_BYTES + leafNodeBytes.length)
  entry[0] = 1
  entry[1] = NODE_LEAF
  entry.set(leafNodeBytes, NODE_HEADER_BYTES)
  return entry
}

/** The parent in a present `optional<Node>` that is known to hold one. */
export function decodeParentEntry(entry: Uint8Array): ParentNode {
  return decodeAll(entry.subarray(NODE_HEADER_BYTES), readParentNode)
}

/**
 * Walks over one `optional<Node>` and refuses what is not canonical or not of the type its place asks for: leaves
 * stand at even node indices, parents at odd ones (RFC 9420 section 12.4.3.3). Throws CodecError.
 */
export function skipEntry(reader: Reader, node: number): void {
  const present = reader.u8()
  if (present === 0) return
  if (present !== 1) throw new CodecError("optional marker invalid")
  const type = reader.u8()
  if (type !== (node % 2 === 0 ? NODE_LEAF : NODE_PARENT))
    throw new CodecError("node type not that of its place")
  if (type === NODE_LEAF) readLeafNode(reader)
  else readParentNode(reader)
}
