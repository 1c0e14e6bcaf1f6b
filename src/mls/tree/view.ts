import { decodeParentEntry, type ParentNode } from "../codec/node.ts"
import { directPath, leftOf, rightOf, siblingOf } from "./math.ts"

/** What a finished tree and one being edited have in common. Nodes are counted as in tree/math.ts. */
export interface TreeView {
  /** Number of leaves, blank ones included; a power of two. */
  readonly leafWidth: number
  isBlank(node: number): boolean
  /** The node's `optional<Node>`, as a view that must not be changed. */
  entry(node: number): Uint8Array
  /** The node's tree hash (RFC 9420 section 7.8), 32 bytes, as a view that must not be changed. */
  hash(node: number): Uint8Array
  /** Calls `visit` for every node that is not blank with the buffer and offset its entry is at. */
  forEachEntry(visit: (node: number, buffer: Uint8Array, offset: number) => void): void
}

/** The parent at a node, or undefined if it is blank. */
export function parentAt(view: TreeView, node: number): ParentNode | undefined {
  return view.isBlank(node) ? undefined : decodeParentEntry(view.entry(node))
}

/** The resolution of a node (RFC 9420 section 4.1.1), as node indices in order. */
export function resolution(view: TreeView, node: number): number[] {
  const nodes: number[] = []
  appendResolution(view, node, nodes)
  return nodes
}

function appendResolution(view: TreeView, node: number, into: number[]): void {
  if (!view.isBlank(node)) {
    into.push(node)
    if (node % 2 === 1) {
      for (const leaf of decodeParentEntry(view.entry(node)).unmergedLeaves) into.push(2 * leaf)
    }
  } else if (node % 2 === 1) {
    appendResolution(view, leftOf(node), into)
    appendResolution(view, rightOf(node), into)
  }
}

/** A node of a filtered direct path with its child on the copath and that child's resolution. */
export interface PathStep {
  readonly node: number
  readonly copathChild: number
  readonly copathResolution: readonly number[]
}

/** The filtered direct path of a leaf (RFC 9420 section 4.1.2), lowest node first. */
export function filteredDirectPath(view: TreeView, leaf: number): PathStep[] {
  const steps: PathStep[] = []
  let child = 2 * leaf
  for (const node of directPath(child, view.leafWidth)) {
    const copathChild = siblingOf(child)
    const copathResolution = resolution(view, copathChild)
    if (copathResolution.length > 0) steps.push({ node, copathChild, copathResolution })
    child = node
  }
  return steps
}

/** The leftmost blank leaf at or after `from`, or the width of the tree if there is none. */
export function leftmostBlankLeaf(view: TreeView, from = 0): number {
  let leaf = from
  while (leaf < view.leafWidth && !view.isBlank(2 * leaf)) leaf++
  return leaf
}
