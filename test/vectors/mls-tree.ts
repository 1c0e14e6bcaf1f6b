import { encodeLeafNode } from "../../src/mls/codec/leaf-node.ts"
import { decodeProposal } from "../../src/mls/codec/proposal.ts"
import { checkLeafNode, leafAt } from "../../src/mls/group/leaf-validity.ts"
import type { CipherSuite } from "../../src/mls/suite.ts"
import { TreeEdit } from "../../src/mls/tree/edit.ts"
import { FlatTree } from "../../src/mls/tree/flat-tree.ts"
import { leftOf, nodeCount, parentOf, rightOf, rootOf, siblingOf, widthFor } from "../../src/mls/tree/math.ts"
import { checkParentHashes, checkUnmergedLeaves } from "../../src/mls/tree/parent-hash.ts"
import { resolution } from "../../src/mls/tree/view.ts"
import { ensure, ensureEqual } from "./check.ts"
import { hex, integer } from "./field.ts"
import { forSuite, hexes, list, reportCase } from "./mls-case.ts"
import { arraySuite, type JsonObject, type VectorSuite } from "./suite.ts"

/** RFC 9420's vectors about the ratchet tree. */

function checkMath(item: JsonObject): void {
  const width = integer(item, "n_leaves")
  ensure(widthFor(width) === width, "n_leaves is not a power of two")
  ensure(nodeCount(width) === integer(item, "n_nodes"), "n_nodes differs")
  const root = rootOf(width)
  ensure(root === integer(item, "root"), "root differs")
  const expected = {
    left: list(item, "left"),
    right: list(item, "right"),
    parent: list(item, "parent"),
    sibling: list(item, "sibling"),
  }
  for (let node = 0; node < nodeCount(width); node++) {
    const isLeaf = node % 2 === 0
    ensure((isLeaf ? null : leftOf(node)) === expected.left[node], `left of ${node} differs`)
    ensure((isLeaf ? null : rightOf(node)) === expected.right[node], `right of ${node} differs`)
    ensure((node === root ? null : parentOf(node)) === expected.parent[node], `parent of ${node} differs`)
    ensure((node === root ? null : siblingOf(node)) === expected.sibling[node], `sibling of ${node} differs`)
  }
}

function checkOperation(suite: CipherSuite, item: JsonObject): void {
  const before = FlatTree.decode(suite, hex(item, "tree_before"))
  ensureEqual(before.rootHash(), hex(item, "tree_hash_before"), "hash before")
  const proposal = decodeProposal(hex(item, "proposal"))
  const edit = new TreeEdit(suite, before)
  if (proposal.kind === "add") edit.add(encodeLeafNode(proposal.keyPackage.leafNode))
  else if (proposal.kind === "update") {
    edit.update(integer(item, "proposal_sender"), encodeLeafNode(proposal.leafNode))
  } else if (proposal.kind === "remove") edit.remove(proposal.removed)
  else throw new Error("unexpected proposal")
  const { tree, undo } = edit.finish()
  ensureEqual(tree.encode(), hex(item, "tree_after"), "tree after")
  ensureEqual(tree.rootHash(), hex(item, "tree_hash_after"), "hash after")
  ensureEqual(tree.revert(undo).snapshot(), before.snapshot(), "tree after undoing")
}

function checkValidation(suite: CipherSuite, item: JsonObject): void {
  const bytes = hex(item, "tree")
  const tree = FlatTree.decode(suite, bytes)
  ensureEqual(tree.encode(), bytes, "encoding")
  ensureEqual(FlatTree.load(tree.snapshot()).snapshot(), tree.snapshot(), "snapshot")
  hexes(item, "tree_hashes").forEach((hash, node) => {
    ensureEqual(tree.hash(node), hash, `hash of ${node}`)
  })
  list(item, "resolutions").forEach((expected, node) => {
    const actual = JSON.stringify(resolution(tree, node))
    ensure(actual === JSON.stringify(expected), `resolution of ${node} differs`)
  })
  checkUnmergedLeaves(tree)
  checkParentHashes(suite, tree)
  const groupId = hex(item, "group_id")
  for (const leafIndex of tree.members()) {
    checkLeafNode(suite, leafAt(tree, leafIndex), { groupId, leafIndex })
  }
}

export const mlsTreeSuites: readonly VectorSuite[] = [
  arraySuite("MLS tree math", ["n_leaves", "n_nodes", "root", "sibling"], (item, caseName, report) =>
    reportCase(caseName, report, () => checkMath(item)),
  ),
  arraySuite("MLS tree operations", ["tree_before", "proposal", "tree_after"], forSuite(checkOperation)),
  arraySuite("MLS tree validation", ["tree", "resolutions", "tree_hashes"], forSuite(checkValidation)),
]
