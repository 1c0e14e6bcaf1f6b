/**
 * The array representation of a full binary tree (RFC 9420 appendix C): node `2 * i` is leaf `i`, a parent stands
 * between its subtrees. `width` is the number of leaves, a power of two.
 */

/** How many levels a node stands above the leaves: the number of its trailing one bits. */
export function level(node: number): number {
  return 31 - Math.clz32(~node & (node + 1))
}

export function nodeCount(width: number): number {
  return 2 * width - 1
}

export function rootOf(width: number): number {
  return width - 1
}

/** The smallest power of two that is at least `leaves`. */
export function widthFor(leaves: number): number {
  return leaves <= 1 ? 1 : 2 ** (32 - Math.clz32(leaves - 1))
}

/** The left child of a parent. */
export function leftOf(parent: number): number {
  return parent - 2 ** (level(parent) - 1)
}

/** The right child of a parent. */
export function rightOf(parent: number): number {
  return parent + 2 ** (level(parent) - 1)
}

/** The parent of a node that is not the root. */
export function parentOf(node: number): number {
  const reach = 2 ** level(node)
  const isLeftChild = Math.floor(node / (2 * reach)) % 2 === 0
  return isLeftChild ? node + reach : node - reach
}

/** The other child of the parent of a node that is not the root. */
export function siblingOf(node: number): number {
  const parent = parentOf(node)
  return node < parent ? rightOf(parent) : leftOf(parent)
}

/** The ancestors of a node, from its parent to the root. */
export function directPath(node: number, width: number): number[] {
  const path: number[] = []
  const root = rootOf(width)
  for (let at = node; at !== root; ) {
    at = parentOf(at)
    path.push(at)
  }
  return path
}

/** The first and last leaf below a node, both included. */
export function leavesBelow(node: number): { first: number; last: number } {
  const reach = 2 ** level(node)
  return { first: (node - reach + 1) / 2, last: (node + reach - 1) / 2 }
}
