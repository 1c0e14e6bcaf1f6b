import { equal } from "../../wire/bytes.ts"
import { decodeLeafNode } from "../codec/leaf-node.ts"
import { decodeParentEntry, NODE_HEADER_BYTES, type ParentNode } from "../codec/node.ts"
import { check } from "../error.ts"
import { rules } from "../rules.ts"
import type { CipherSuite } from "../suite.ts"
import { hashWithout, parentHash } from "./hash.ts"
import { directPath, leavesBelow, leftOf, nodeCount, rightOf } from "./math.ts"
import { parentAt, resolution, type TreeView } from "./view.ts"

/** The parent hash that a node which is not blank carries; leaves that no commit put there have none. */
function carriedParentHash(view: TreeView, node: number): Uint8Array | undefined {
  const entry = view.entry(node)
  if (node % 2 === 1) return decodeParentEntry(entry).parentHash
  const { source } = decodeLeafNode(entry.subarray(NODE_HEADER_BYTES))
  return source.kind === "commit" ? source.parentHash : undefined
}

/**
 * Whether one node below child `child` of `parentNode` was set together with it: the only one in the child's resolution
 * that is not an unmerged leaf of the parent, carrying the parent's hash (RFC 9420 section 7.9.2).
 */
function chainsThrough(
  suite: CipherSuite,
  view: TreeView,
  parent: ParentNode,
  child: number,
  sibling: number,
): boolean {
  const { first, last } = leavesBelow(child)
  const unmerged = new Set(parent.unmergedLeaves.filter((leaf) => leaf >= first && leaf <= last))
  const candidates = resolution(view, child)
  const others = candidates.filter((node) => node % 2 === 1 || !unmerged.has(node / 2))
  const descendant = others[0]
  if (descendant === undefined || others.length !== 1) return false
  if (candidates.length !== unmerged.size + 1) return false
  const carried = carriedParentHash(view, descendant)
  if (carried === undefined) return false
  const original = hashWithout(suite, view, sibling, parent.unmergedLeaves)
  return equal(carried, parentHash(suite, parent, original))
}

/**
 * Checks that every parent which is not blank has exactly one descendant it was set together with (RFC 9420 section
 * 7.9.2). The descendant of a parent is a leaf or again such a parent, so every chain ends at a leaf. Throws MlsError.
 */
export function checkParentHashes(suite: CipherSuite, view: TreeView): void {
  for (let node = 1; node < nodeCount(view.leafWidth); node += 2) {
    const parent = parentAt(view, node)
    if (parent === undefined) continue
    const left = chainsThrough(suite, view, parent, leftOf(node), rightOf(node))
    const right = chainsThrough(suite, view, parent, rightOf(node), leftOf(node))
    check(left !== right, rules.parentHash)
  }
}

/**
 * Checks that each unmerged leaf is a member below its node and unmerged in every node between (RFC 9420 section
 * 12.4.3.1). Throws MlsError.
 */
export function checkUnmergedLeaves(view: TreeView): void {
  const unmerged = new Map<number, ReadonlySet<number>>()
  for (let node = 1; node < nodeCount(view.leafWidth); node += 2) {
    const parent = parentAt(view, node)
    if (parent !== undefined) unmerged.set(node, new Set(parent.unmergedLeaves))
  }
  for (const [node, leaves] of unmerged) {
    const { first, last } = leavesBelow(node)
    for (const leaf of leaves) {
      check(leaf >= first && leaf <= last && !view.isBlank(2 * leaf), rules.unmergedLeaves)
      for (const between of directPath(2 * leaf, view.leafWidth)) {
        if (between === node) break
        check(unmerged.get(between)?.has(leaf) ?? true, rules.unmergedLeaves)
      }
    }
  }
}
