import type { Reader, Writer } from "../../wire/tls.ts"
import { type HpkeCiphertext, readHpkeCiphertext, writeHpkeCiphertext } from "./hpke-ciphertext.ts"
import { type LeafNode, readLeafNode, writeLeafNode } from "./leaf-node.ts"

/** The new key of one node on the committer's filtered direct path, and its secret for those below (section 7.6). */
export interface UpdatePathNode {
  readonly encryptionKey: Uint8Array
  readonly encryptedPathSecrets: readonly HpkeCiphertext[]
}

/** A committer's new leaf and filtered direct path, lowest node first (RFC 9420 section 7.6). */
export interface UpdatePath {
  readonly leafNode: LeafNode
  readonly nodes: readonly UpdatePathNode[]
}

function readUpdatePathNode(reader: Reader): UpdatePathNode {
  return { encryptionKey: reader.opaque(), encryptedPathSecrets: reader.vector(readHpkeCiphertext) }
}

function writeUpdatePathNode(writer: Writer, node: UpdatePathNode): void {
  writer.opaque(node.encryptionKey).vector(node.encryptedPathSecrets, writeHpkeCiphertext)
}

export function readUpdatePath(reader: Reader): UpdatePath {
  return { leafNode: readLeafNode(reader), nodes: reader.vector(readUpdatePathNode) }
}

export function writeUpdatePath(writer: Writer, path: UpdatePath): void {
  writeLeafNode(writer, path.leafNode)
  writer.vector(path.nodes, writeUpdatePathNode)
}
