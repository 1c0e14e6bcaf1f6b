import { Reader, Writer } from "../../wire/tls.ts"
import { decodeLeafNode, type LeafNode } from "../codec/leaf-node.ts"
import { NODE_HEADER_BYTES, skipEntry } from "../codec/node.ts"
import { SUITE_HASH_BYTES } from "../codec/protocol.ts"
import { check, decoding, MlsError } from "../error.ts"
import { rules } from "../rules.ts"
import type { CipherSuite } from "../suite.ts"
import { leafHash, parentTreeHash } from "./hash.ts"
import { leftOf, level, nodeCount, rightOf, rootOf, widthFor } from "./math.ts"
import { readUndo } from "./undo.ts"
import type { TreeView } from "./view.ts"

/** The most leaves, blank ones included, that a tree may have. */
export const LEAF_WIDTH_MAX = 65_536

const SNAPSHOT_VERSION = 1
const SNAPSHOT_HEADER_BYTES = 5
const LENGTH_BYTES = 4

/** What a tree is made of. */
export interface FlatTreeParts {
  readonly leafWidth: number
  /** The `optional<Node>` of every node of the full tree, trailing blanks included. */
  readonly bytes: Uint8Array
  /** Where each node begins in `bytes`, and at the end where the last one ends. */
  readonly offsets: Uint32Array
  /** The tree hash of every node, 32 bytes each. */
  readonly hashes: Uint8Array
}

/**
 * A ratchet tree (RFC 9420 section 7) as its own encoding: one byte string, an index of where each node begins and the
 * tree hash of each node. There is no object per node; a leaf is decoded when asked for.
 *
 * Trees never change. An edit (tree/edit.ts) or {@link revert} makes a new tree by copying runs of bytes, so the old one
 * stays valid for as long as the caller keeps it. What a tree returns as bytes is a view of its own and must not be
 * changed.
 */
export class FlatTree implements TreeView {
  readonly #parts: FlatTreeParts
  #memberCount: number | undefined

  constructor(parts: FlatTreeParts) {
    this.#parts = parts
  }

  /**
   * Decodes `optional<Node> ratchet_tree<V>` (section 12.4.3.3) and computes all tree hashes. Strict about encoding and
   * places; whether the tree is valid is another question (group/tree-validity.ts). Throws MlsError.
   */
  static decode(suite: CipherSuite, ratchetTree: Uint8Array): FlatTree {
    const { content, ends } = decoding(() => readNodes(ratchetTree))
    const width = widthFor(Math.ceil((ends.length + 1) / 2))
    const count = nodeCount(width)
    const bytes = new Uint8Array(content.length + count - ends.length)
    bytes.set(content)
    const offsets = new Uint32Array(count + 1)
    for (let node = 0; node < count; node++) {
      offsets[node + 1] = ends[node] ?? (offsets[node] as number) + 1
    }
    const hashes = new Uint8Array(count * SUITE_HASH_BYTES)
    computeHashes(suite, width, bytes, offsets, hashes)
    return new FlatTree({ leafWidth: width, bytes, offsets, hashes })
  }

  /**
   * Takes up what {@link snapshot} wrote, without computing anything. The tree keeps using `snapshot`. For trusted bytes:
   * only the shape is checked. Throws MlsError.
   */
  static load(snapshot: Uint8Array): FlatTree {
    check(snapshot.length >= SNAPSHOT_HEADER_BYTES, rules.snapshot)
    const view = new DataView(snapshot.buffer, snapshot.byteOffset, snapshot.byteLength)
    const width = view.getUint32(1)
    check(view.getUint8(0) === SNAPSHOT_VERSION && width === widthFor(width), rules.snapshot)
    check(width >= 1 && width <= LEAF_WIDTH_MAX, rules.snapshot)
    const count = nodeCount(width)
    const hashesAt = SNAPSHOT_HEADER_BYTES + LENGTH_BYTES * count
    const bytesAt = hashesAt + SUITE_HASH_BYTES * count
    check(snapshot.length > bytesAt, rules.snapshot)
    const offsets = new Uint32Array(count + 1)
    let end = 0
    for (let node = 0; node < count; node++) {
      end += view.getUint32(SNAPSHOT_HEADER_BYTES + LENGTH_BYTES * node)
      offsets[node + 1] = end
    }
    check(end === snapshot.length - bytesAt, rules.snapshot)
    return new FlatTree({
      leafWidth: width,
      bytes: snapshot.subarray(bytesAt),
      offsets,
      hashes: snapshot.subarray(hashesAt, bytesAt),
    })
  }

  /** The tree with its index and hashes, for {@link load}. */
  snapshot(): Uint8Array {
    const writer = new Writer(this.snapshotBytes)
    this.writeSnapshot(writer)
    return writer.view()
  }

  get snapshotBytes(): number {
    const { leafWidth, bytes, hashes } = this.#parts
    return SNAPSHOT_HEADER_BYTES + LENGTH_BYTES * nodeCount(leafWidth) + hashes.length + bytes.length
  }

  /** Writes what {@link snapshot} returns. */
  writeSnapshot(writer: Writer): void {
    const { leafWidth, bytes, offsets, hashes } = this.#parts
    writer.u8(SNAPSHOT_VERSION).u32(leafWidth)
    const count = nodeCount(leafWidth)
    for (let node = 0; node < count; node++) {
      writer.u32((offsets[node + 1] as number) - (offsets[node] as number))
    }
    writer.raw(hashes).raw(bytes)
  }

  /** `optional<Node> ratchet_tree<V>` (section 12.4.3.3), without trailing blank nodes. */
  encode(): Uint8Array {
    const { bytes, offsets } = this.#parts
    let last = nodeCount(this.leafWidth) - 1
    while (last > 0 && this.isBlank(last)) last--
    const content = bytes.subarray(0, offsets[last + 1])
    return new Writer(content.length + LENGTH_BYTES).opaque(content).view()
  }

  get parts(): FlatTreeParts {
    return this.#parts
  }

  get leafWidth(): number {
    return this.#parts.leafWidth
  }

  /** How many leaves are not blank. */
  get memberCount(): number {
    if (this.#memberCount === undefined) {
      let count = 0
      for (let leaf = 0; leaf < this.leafWidth; leaf++) if (!this.isBlank(2 * leaf)) count++
      this.#memberCount = count
    }
    return this.#memberCount
  }

  isBlank(node: number): boolean {
    const { bytes, offsets } = this.#parts
    return bytes[offsets[node] as number] === 0
  }

  entry(node: number): Uint8Array {
    const { bytes, offsets } = this.#parts
    return bytes.subarray(offsets[node], offsets[node + 1])
  }

  hash(node: number): Uint8Array {
    return this.#parts.hashes.subarray(SUITE_HASH_BYTES * node, SUITE_HASH_BYTES * (node + 1))
  }

  /** The tree hash of the whole tree (section 7.8), as a copy. */
  rootHash(): Uint8Array {
    return this.hash(rootOf(this.leafWidth)).slice()
  }

  forEachEntry(visit: (node: number, buffer: Uint8Array, offset: number) => void): void {
    const { bytes, offsets } = this.#parts
    const count = nodeCount(this.leafWidth)
    for (let node = 0; node < count; node++) {
      const offset = offsets[node] as number
      if (bytes[offset] !== 0) visit(node, bytes, offset)
    }
  }

  /** Whether there is a member at a leaf; false outside the tree. */
  hasLeaf(leaf: number): boolean {
    return Number.isInteger(leaf) && leaf >= 0 && leaf < this.leafWidth && !this.isBlank(2 * leaf)
  }

  /** The encoded LeafNode at a leaf, as a view, or undefined if the leaf is blank or outside the tree. */
  leafBytes(leaf: number): Uint8Array | undefined {
    return this.hasLeaf(leaf) ? this.entry(2 * leaf).subarray(NODE_HEADER_BYTES) : undefined
  }

  /** The LeafNode at a leaf, or undefined if the leaf is blank or outside the tree. */
  leaf(leaf: number): LeafNode | undefined {
    const bytes = this.leafBytes(leaf)
    return bytes === undefined ? undefined : decodeLeafNode(bytes)
  }

  /** The signature key at a leaf, as a view. Throws MlsError if the leaf is blank or outside the tree. */
  signatureKey(leaf: number): Uint8Array {
    const bytes = this.leafBytes(leaf)
    check(bytes !== undefined, rules.unknownSender)
    const reader = new Reader(bytes)
    reader.opaque()
    return reader.opaque()
  }

  /** The indices of all leaves that are not blank, in order. */
  members(): number[] {
    const leaves: number[] = []
    for (let leaf = 0; leaf < this.leafWidth; leaf++) if (!this.isBlank(2 * leaf)) leaves.push(leaf)
    return leaves
  }

  /** The tree before the one commit whose undo log this is, bit for bit. Throws MlsError on any other log's shape. */
  revert(undo: Uint8Array): FlatTree {
    const log = readUndo(undo)
    check(log.leafWidth <= LEAF_WIDTH_MAX, rules.snapshot)
    return rebuild(this, { ...log, keep: nodeCount(Math.min(this.leafWidth, log.leafWidth)) })
  }
}

function readNodes(ratchetTree: Uint8Array): { content: Uint8Array; ends: number[] } {
  const outer = new Reader(ratchetTree)
  const content = outer.opaque()
  outer.end()
  const reader = new Reader(content)
  const ends: number[] = []
  let last = 0
  while (reader.remaining > 0) {
    if (ends.length === nodeCount(LEAF_WIDTH_MAX)) throw new MlsError(rules.treeTooLarge)
    last = reader.offset
    skipEntry(reader, ends.length)
    ends.push(reader.offset)
  }
  if (ends.length === 0 || content[last] === 0) throw new MlsError(rules.treeTrailingBlank)
  return { content, ends }
}

function computeHashes(
  suite: CipherSuite,
  width: number,
  bytes: Uint8Array,
  offsets: Uint32Array,
  hashes: Uint8Array,
): void {
  const count = nodeCount(width)
  const hashAt = (node: number) => hashes.subarray(SUITE_HASH_BYTES * node, SUITE_HASH_BYTES * (node + 1))
  for (let height = 0; height <= level(rootOf(width)); height++) {
    for (let node = 2 ** height - 1; node < count; node += 2 ** (height + 1)) {
      const entry = bytes.subarray(offsets[node], offsets[node + 1])
      const hash =
        height === 0
          ? leafHash(suite, node / 2, entry)
          : parentTreeHash(suite, entry, hashAt(leftOf(node)), hashAt(rightOf(node)))
      hashes.set(hash, SUITE_HASH_BYTES * node)
    }
  }
}

/** How a new tree differs from an old one. */
export interface TreeChange {
  readonly leafWidth: number
  /** Nodes below this index come from the old tree unless they are in `entries`; others are blank unless they are. */
  readonly keep: number
  readonly entries: ReadonlyMap<number, Uint8Array>
  /** New hashes; every node from `keep` on must be here. */
  readonly hashes: ReadonlyMap<number, Uint8Array>
}

/** A new tree from an old one by copying runs of nodes between the changed ones. */
export function rebuild(base: FlatTree, change: TreeChange): FlatTree {
  const old = base.parts
  const count = nodeCount(change.leafWidth)
  const keep = Math.min(change.keep, count)
  const changed = [...change.entries.keys()].filter((node) => node < count).sort((a, b) => a - b)

  const offsets = new Uint32Array(count + 1)
  let end = 0
  for (let node = 0, next = 0; node < count; node++) {
    if (node === changed[next]) {
      end += (change.entries.get(node) as Uint8Array).length
      next++
    } else end += node < keep ? (old.offsets[node + 1] as number) - (old.offsets[node] as number) : 1
    offsets[node + 1] = end
  }

  const bytes = new Uint8Array(end)
  let run = 0
  const copyRun = (until: number) => {
    if (run < until) bytes.set(old.bytes.subarray(old.offsets[run], old.offsets[until]), offsets[run])
  }
  for (const node of changed) {
    copyRun(Math.min(node, keep))
    bytes.set(change.entries.get(node) as Uint8Array, offsets[node])
    run = node + 1
  }
  copyRun(keep)

  const hashes = new Uint8Array(count * SUITE_HASH_BYTES)
  hashes.set(old.hashes.subarray(0, keep * SUITE_HASH_BYTES))
  for (const [node, hash] of change.hashes) {
    if (node < count) hashes.set(hash, node * SUITE_HASH_BYTES)
  }
  return new FlatTree({ leafWidth: change.leafWidth, bytes, offsets, hashes })
}
