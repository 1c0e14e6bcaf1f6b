import { BLANK_NODE, encodeParentEntry, leafEntry, type ParentNode } from "../codec/node.ts"
import { check } from "../error.ts"
import { rules } from "../rules.ts"
import type { CipherSuite } from "../suite.ts"
import { type FlatTree, LEAF_WIDTH_MAX, rebuild } from "./flat-tree.ts"
import { leafHash, parentTreeHash } from "./hash.ts"
import { directPath, leftOf, nodeCount, rightOf, rootOf, widthFor } from "./math.ts"
import { writeUndo } from "./undo.ts"
import { leftmostBlankLeaf, parentAt, type TreeView } from "./view.ts"

/**
 * Changes to a {@link FlatTree} that are not part of it yet: only changed nodes are held, and only hashes above them
 * are computed again. {@link finish} makes the new tree; the old one stays as it was.
 */
export class TreeEdit implements TreeView {
  readonly #suite: CipherSuite
  readonly #base: FlatTree
  readonly #entries = new Map<number, Uint8Array>()
  readonly #hashes = new Map<number, Uint8Array>()
  readonly #stale = new Set<number>()
  /** Nodes from here on are not those of the base tree: the tree was cut here at some moment, or ended here. */
  #keep: number
  #leafWidth: number
  #firstMaybeBlank = 0

  constructor(suite: CipherSuite, base: FlatTree) {
    this.#suite = suite
    this.#base = base
    this.#leafWidth = base.leafWidth
    this.#keep = nodeCount(base.leafWidth)
  }

  get leafWidth(): number {
    return this.#leafWidth
  }

  entry(node: number): Uint8Array {
    return this.#entries.get(node) ?? (node < this.#keep ? this.#base.entry(node) : BLANK_NODE)
  }

  isBlank(node: number): boolean {
    const entry = this.#entries.get(node)
    if (entry !== undefined) return entry[0] === 0
    return node >= this.#keep || this.#base.isBlank(node)
  }

  forEachEntry(visit: (node: number, buffer: Uint8Array, offset: number) => void): void {
    this.#base.forEachEntry((node, buffer, offset) => {
      if (node < this.#keep && !this.#entries.has(node)) visit(node, buffer, offset)
    })
    for (const [node, entry] of this.#entries) if (entry[0] !== 0) visit(node, entry, 0)
  }

  hash(node: number): Uint8Array {
    if (node < this.#keep && !this.#stale.has(node)) return this.#base.hash(node)
    const known = this.#hashes.get(node)
    if (known !== undefined) return known
    const hash =
      node % 2 === 0
        ? leafHash(this.#suite, node / 2, this.entry(node))
        : parentTreeHash(this.#suite, this.entry(node), this.hash(leftOf(node)), this.hash(rightOf(node)))
    this.#hashes.set(node, hash)
    return hash
  }

  #set(node: number, entry: Uint8Array): void {
    this.#entries.set(node, entry)
    for (const above of [node, ...directPath(node, this.#leafWidth)]) {
      this.#stale.add(above)
      this.#hashes.delete(above)
    }
  }

  /** Puts an encoded LeafNode in a leaf's place and leaves everything else alone. */
  setLeaf(leaf: number, leafNode: Uint8Array): void {
    this.#set(2 * leaf, leafEntry(leafNode))
  }

  setParent(node: number, parent: ParentNode): void {
    this.#set(node, encodeParentEntry(parent))
  }

  /** Blanks every ancestor of a leaf. */
  blankDirectPath(leaf: number): void {
    for (const node of directPath(2 * leaf, this.#leafWidth)) {
      if (!this.isBlank(node)) this.#set(node, BLANK_NODE)
    }
  }

  /** The place of the next new leaf: the leftmost blank one, or the first after doubling the tree (section 12.1.1). */
  takeBlankLeaf(): number {
    const leaf = leftmostBlankLeaf(this, this.#firstMaybeBlank)
    if (leaf === this.#leafWidth) {
      check(this.#leafWidth < LEAF_WIDTH_MAX, rules.treeTooLarge)
      this.#leafWidth *= 2
    }
    this.#firstMaybeBlank = leaf
    return leaf
  }

  /** Applies an Add (section 12.1.1) and returns the new member's leaf. */
  add(leafNode: Uint8Array): number {
    const leaf = this.takeBlankLeaf()
    for (const node of directPath(2 * leaf, this.#leafWidth)) {
      const parent = parentAt(this, node)
      if (parent === undefined) continue
      const unmergedLeaves = [...parent.unmergedLeaves, leaf].sort((a, b) => a - b)
      this.setParent(node, { ...parent, unmergedLeaves })
    }
    this.setLeaf(leaf, leafNode)
    return leaf
  }

  /** Applies an Update (section 12.1.2). */
  update(leaf: number, leafNode: Uint8Array): void {
    this.setLeaf(leaf, leafNode)
    this.blankDirectPath(leaf)
  }

  /** Applies a Remove (section 12.1.3), which cuts the tree behind the last member. */
  remove(leaf: number): void {
    this.#set(2 * leaf, BLANK_NODE)
    this.blankDirectPath(leaf)
    this.#firstMaybeBlank = Math.min(this.#firstMaybeBlank, leaf)
    this.#truncate()
  }

  #truncate(): void {
    let last = this.#leafWidth - 1
    while (last > 0 && this.isBlank(2 * last)) last--
    const width = widthFor(last + 1)
    if (width === this.#leafWidth) return
    this.#leafWidth = width
    this.#keep = Math.min(this.#keep, nodeCount(width))
    this.#firstMaybeBlank = Math.min(this.#firstMaybeBlank, width)
    for (const nodes of [this.#entries, this.#hashes, this.#stale]) {
      for (const node of nodes.keys()) if (node >= nodeCount(width)) nodes.delete(node)
    }
  }

  /** The new tree, and the log that leads from it back to the old one ({@link FlatTree.revert}). */
  finish(): { tree: FlatTree; undo: Uint8Array } {
    this.hash(rootOf(this.#leafWidth))
    const tree = rebuild(this.#base, {
      leafWidth: this.#leafWidth,
      keep: this.#keep,
      entries: this.#entries,
      hashes: this.#hashes,
    })
    return { tree, undo: this.#undo() }
  }

  #undo(): Uint8Array {
    const base = this.#base
    const entries = new Map<number, Uint8Array>()
    const hashes = new Map<number, Uint8Array>()
    for (const node of this.#entries.keys()) if (node < this.#keep) entries.set(node, base.entry(node))
    for (const node of this.#stale) if (node < this.#keep) hashes.set(node, base.hash(node))
    for (let node = this.#keep; node < nodeCount(base.leafWidth); node++) {
      entries.set(node, base.entry(node))
      hashes.set(node, base.hash(node))
    }
    return writeUndo({ leafWidth: base.leafWidth, entries, hashes })
  }
}
