import { toHex } from "../../wire/bytes.ts"
import { credentialType } from "../codec/credential.ts"
import type { Extension } from "../codec/extension.ts"
import { check } from "../error.ts"
import { rules } from "../rules.ts"
import type { CipherSuite } from "../suite.ts"
import { nodeCount, widthFor } from "../tree/math.ts"
import { checkParentHashes, checkUnmergedLeaves } from "../tree/parent-hash.ts"
import { parentAt, type TreeView } from "../tree/view.ts"
import { checkDemands, checkLeafNode, groupDemands, leafAt, membersOf } from "./leaf-validity.ts"

/**
 * Checks a whole tree as someone does who joins (RFC 9420 section 12.4.3.1): every leaf, unmerged leaves, parent hashes,
 * keys unique, capabilities. Lifetimes are left out, since the leaves of a group that lives may have outlived them.
 * Throws MlsError.
 */
export function checkTree(
  suite: CipherSuite,
  view: TreeView,
  groupId: Uint8Array,
  groupExtensions: readonly Extension[],
): void {
  const demands = groupDemands(groupExtensions)
  const members = membersOf(view)
  const last = members.at(-1)
  check(last !== undefined && widthFor(last + 1) === view.leafWidth, rules.treeTrailingBlank)
  const signatureKeys = new Set<string>()
  const encryptionKeys = new Set<string>()
  const types = new Set<number>()
  for (const leafIndex of members) {
    const leaf = leafAt(view, leafIndex)
    checkLeafNode(suite, leaf, { groupId, leafIndex })
    checkDemands(leaf, demands)
    signatureKeys.add(toHex(leaf.signatureKey))
    encryptionKeys.add(toHex(leaf.encryptionKey))
    types.add(credentialType(leaf.credential))
  }
  for (const index of members) {
    const { credentials } = leafAt(view, index).capabilities
    for (const type of types) check(credentials.includes(type), rules.leafCredentialSupport)
  }
  check(signatureKeys.size === members.length, rules.duplicateSignatureKey)
  let keys = members.length
  for (let node = 1; node < nodeCount(view.leafWidth); node += 2) {
    const parent = parentAt(view, node)
    if (parent === undefined) continue
    check(suite.isHpkePublicKey(parent.encryptionKey), rules.keyLength)
    encryptionKeys.add(toHex(parent.encryptionKey))
    keys++
  }
  check(encryptionKeys.size === keys, rules.duplicateEncryptionKey)
  checkUnmergedLeaves(view)
  checkParentHashes(suite, view)
}
