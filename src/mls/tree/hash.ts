import { Writer } from "../../wire/tls.ts"
import { encodeParentEntry, NODE_HEADER_BYTES, NODE_LEAF, NODE_PARENT } from "../codec/node.ts"
import type { CipherSuite } from "../suite.ts"
import { leavesBelow, leftOf, rightOf } from "./math.ts"
import { parentAt, type TreeView } from "./view.ts"

const OPTIONAL_BYTES = 1

/** TreeHashInput without the type byte in front of the node, which an `optional<Node>` has and the hash has not. */
function writeContent(writer: Writer, entry: Uint8Array): void {
  if (entry[0] === 0) writer.u8(0)
  else writer.u8(1).raw(entry.subarray(NODE_HEADER_BYTES))
}

/** Tree hash of a leaf (RFC 9420 section 7.8) from its `optional<Node>`: 32 bytes. */
export function leafHash(suite: CipherSuite, leaf: number, entry: Uint8Array): Uint8Array {
  const writer = new Writer(entry.length + 8).u8(NODE_LEAF).u32(leaf)
  writeContent(writer, entry)
  return suite.hash(writer.view())
}

/** Tree hash of a parent (RFC 9420 section 7.8) from its `optional<Node>` and its children's hashes: 32 bytes. */
export function parentTreeHash(
  suite: CipherSuite,
  entry: Uint8Array,
  left: Uint8Array,
  right: Uint8Array,
): Uint8Array {
  const writer = new Writer(OPTIONAL_BYTES + entry.length + left.length + right.length + 4).u8(NODE_PARENT)
  writeContent(writer, entry)
  return suite.hash(writer.opaque(left).opaque(right).view())
}

/** The parent hash of a node with a given copath child (RFC 9420 section 7.9): 32 bytes. */
export function parentHash(
  suite: CipherSuite,
  parent: { readonly encryptionKey: Uint8Array; readonly parentHash: Uint8Array },
  originalSiblingTreeHash: Uint8Array,
): Uint8Array {
  const writer = new Writer(128).opaque(parent.encryptionKey).opaque(parent.parentHash)
  return suite.hash(writer.opaque(originalSiblingTreeHash).view())
}

/**
 * The tree hash of a subtree as if some leaves had never been added: they are blank and in no list of unmerged leaves
 * (the original sibling tree hash of RFC 9420 section 7.9). `without` is sorted.
 */
export function hashWithout(
  suite: CipherSuite,
  view: TreeView,
  node: number,
  without: readonly number[],
): Uint8Array {
  const { first, last } = leavesBelow(node)
  const below = without.filter((leaf) => leaf >= first && leaf <= last)
  if (below.length === 0) return view.hash(node)
  if (node % 2 === 0) return leafHash(suite, node / 2, Uint8Array.of(0))
  const parent = parentAt(view, node)
  const excluded = new Set(below)
  const entry =
    parent === undefined
      ? Uint8Array.of(0)
      : encodeParentEntry({
          ...parent,
          unmergedLeaves: parent.unmergedLeaves.filter((leaf) => !excluded.has(leaf)),
        })
  return parentTreeHash(
    suite,
    entry,
    hashWithout(suite, view, leftOf(node), below),
    hashWithout(suite, view, rightOf(node), below),
  )
}
