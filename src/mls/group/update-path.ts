import { equal, toHex } from "../../wire/bytes.ts"
import { encodeLeafNode } from "../codec/leaf-node.ts"
import type { UpdatePath } from "../codec/update-path.ts"
import { check } from "../error.ts"
import { rules } from "../rules.ts"
import type { CipherSuite } from "../suite.ts"
import type { TreeEdit } from "../tree/edit.ts"
import { parentHash } from "../tree/hash.ts"
import { encryptionKeyOccurs } from "../tree/keys.ts"
import { filteredDirectPath, type PathStep } from "../tree/view.ts"

const NO_HASH = new Uint8Array(0)

/**
 * Checks the shape of a path against the tree that the proposals left (RFC 9420 sections 7.6 and 12.4.2): its nodes, the
 * number of its ciphertexts, and that its keys are new. `added` are the leaves that this commit added, to which nothing
 * is encrypted. Throws MlsError. The ciphertexts themselves only members can check.
 */
export function checkPathShape(
  suite: CipherSuite,
  edit: TreeEdit,
  leaf: number,
  path: UpdatePath,
  added: ReadonlySet<number>,
): readonly PathStep[] {
  const steps = filteredDirectPath(edit, leaf)
  check(path.nodes.length === steps.length, rules.pathLength)
  const keys = [path.leafNode.encryptionKey]
  for (const [i, step] of steps.entries()) {
    const node = path.nodes[i]
    check(node !== undefined && suite.isHpkePublicKey(node.encryptionKey), rules.keyLength)
    const receivers = step.copathResolution.filter((below) => below % 2 === 1 || !added.has(below / 2))
    check(node.encryptedPathSecrets.length === receivers.length, rules.pathCiphertexts)
    keys.push(node.encryptionKey)
  }
  check(new Set(keys.map(toHex)).size === keys.length, rules.pathKeyReused)
  const places = keys.map((key) => ({ key, node: -1 }))
  check(!encryptionKeyOccurs(edit, places), rules.pathKeyReused)
  return steps
}

/**
 * Merges a path into the tree (RFC 9420 section 7.5) and checks that the leaf carries the parent hash of what results
 * (section 7.9). Throws MlsError.
 */
export function mergePath(
  suite: CipherSuite,
  edit: TreeEdit,
  leaf: number,
  path: UpdatePath,
  steps: readonly PathStep[],
): void {
  edit.blankDirectPath(leaf)
  let above: Uint8Array = NO_HASH
  for (let i = steps.length - 1; i >= 0; i--) {
    const { node, copathChild } = steps[i] as PathStep
    const encryptionKey = path.nodes[i]?.encryptionKey ?? NO_HASH
    const parent = { encryptionKey, parentHash: above, unmergedLeaves: [] }
    edit.setParent(node, parent)
    above = parentHash(suite, parent, edit.hash(copathChild))
  }
  const { source } = path.leafNode
  check(source.kind === "commit" && equal(source.parentHash, above), rules.pathParentHash)
  edit.setLeaf(leaf, encodeLeafNode(path.leafNode))
}
