import { encodeGroupContext } from "../../src/mls/codec/group-context.ts"
import { encodeLeafNode } from "../../src/mls/codec/leaf-node.ts"
import { readUpdatePath, type UpdatePath, writeUpdatePath } from "../../src/mls/codec/update-path.ts"
import { checkLeafNode } from "../../src/mls/group/leaf-validity.ts"
import { checkPathShape, mergePath } from "../../src/mls/group/update-path.ts"
import { encryptionKeyAt, PrivateTree } from "../../src/mls/member/private-tree.ts"
import { followPath, makePath, openPathSecret, receivePath, sealPath } from "../../src/mls/member/treekem.ts"
import type { CipherSuite } from "../../src/mls/suite.ts"
import { TreeEdit } from "../../src/mls/tree/edit.ts"
import { FlatTree } from "../../src/mls/tree/flat-tree.ts"
import { fromHex } from "../../src/wire/bytes.ts"
import { decodeAll, encodeWith } from "../../src/wire/tls.ts"
import { ensure, ensureEqual } from "./check.ts"
import { hex, integer, objects } from "./field.ts"
import { forSuite, list } from "./mls-case.ts"
import { arraySuite, type JsonObject, type VectorSuite } from "./suite.ts"

/** RFC 9420's TreeKEM vectors: paths of others are followed, and own paths are followed by all others. */

const NO_LEAVES: ReadonlySet<number> = new Set()

interface Member {
  readonly leaf: number
  readonly signatureSecret: Uint8Array
  readonly keys: PrivateTree
}

function memberOf(suite: CipherSuite, tree: FlatTree, item: JsonObject): Member {
  const leaf = integer(item, "index")
  const secretKey = hex(item, "encryption_priv")
  ensureEqual(suite.hpkePublic(secretKey), encryptionKeyAt(tree, 2 * leaf), "leaf key")
  const signatureSecret = hex(item, "signature_priv")
  ensureEqual(suite.signaturePublic(signatureSecret), tree.signatureKey(leaf), "signature key")
  const keys = new Map([[2 * leaf, secretKey]])
  for (const entry of objects(item, "path_secrets")) {
    const followed = followPath(suite, tree, hex(entry, "path_secret"), [integer(entry, "node")])
    for (const [node, key] of followed.keys) keys.set(node, key)
  }
  return { leaf, signatureSecret, keys: new PrivateTree(keys) }
}

function contextOf(item: JsonObject, treeHash: Uint8Array): Uint8Array {
  return encodeGroupContext({
    cipherSuite: integer(item, "cipher_suite"),
    groupId: hex(item, "group_id"),
    epoch: BigInt(integer(item, "epoch")),
    treeHash,
    confirmedTranscriptHash: hex(item, "confirmed_transcript_hash"),
    extensions: [],
  })
}

function checkTheirs(
  suite: CipherSuite,
  item: JsonObject,
  tree: FlatTree,
  members: readonly Member[],
  update: JsonObject,
): void {
  const sender = integer(update, "sender")
  const bytes = hex(update, "update_path")
  const path: UpdatePath = decodeAll(bytes, readUpdatePath)
  ensureEqual(encodeWith(path, writeUpdatePath), bytes, "path encoded again")
  checkLeafNode(suite, path.leafNode, { groupId: hex(item, "group_id"), leafIndex: sender })
  const edit = new TreeEdit(suite, tree)
  mergePath(suite, edit, sender, path, checkPathShape(suite, edit, sender, path, NO_LEAVES))
  const after = edit.finish().tree
  const treeHash = hex(update, "tree_hash_after")
  ensureEqual(after.rootHash(), treeHash, "tree hash")
  const secrets = list(update, "path_secrets")
  const context = contextOf(item, treeHash)
  const received = { path, tree: after, committer: sender, added: NO_LEAVES, context }
  for (const { leaf, keys } of members) {
    if (leaf === sender) continue
    const { pathSecret, nodes } = openPathSecret(suite, received, leaf, keys)
    ensureEqual(pathSecret, fromHex(String(secrets[leaf])), `path secret for leaf ${leaf}`)
    const { commitSecret } = followPath(suite, after, pathSecret, nodes)
    ensureEqual(commitSecret, hex(update, "commit_secret"), "commit secret")
  }
}

function checkOurs(
  suite: CipherSuite,
  item: JsonObject,
  tree: FlatTree,
  members: readonly Member[],
  sender: Member,
): void {
  const content = tree.leaf(sender.leaf)
  ensure(content !== undefined, "the sender's leaf is blank")
  const edit = new TreeEdit(suite, tree)
  const place = { groupId: hex(item, "group_id"), leafIndex: sender.leaf }
  const made = makePath(suite, edit, place, content, sender.signatureSecret)
  const after = edit.finish().tree
  const context = contextOf(item, after.rootHash())
  const path = sealPath(suite, after, made, context, NO_LEAVES)
  const again = new TreeEdit(suite, tree)
  mergePath(suite, again, sender.leaf, path, checkPathShape(suite, again, sender.leaf, path, NO_LEAVES))
  checkLeafNode(suite, path.leafNode, place)
  ensureEqual(again.finish().tree.encode(), after.encode(), "tree after the own path")
  ensureEqual(after.leafBytes(sender.leaf) as Uint8Array, encodeLeafNode(made.leafNode), "own leaf")
  const received = { path, tree: after, committer: sender.leaf, added: NO_LEAVES, context }
  for (const { leaf, keys } of members) {
    if (leaf === sender.leaf) continue
    const followed = receivePath(suite, received, leaf, keys)
    ensureEqual(followed.commitSecret, made.commitSecret, "commit secret of the own path")
    for (const [node, key] of followed.keys) ensureEqual(key, made.keys.get(node) as Uint8Array, "path key")
  }
}

function checkTreeKem(suite: CipherSuite, item: JsonObject): void {
  const tree = FlatTree.decode(suite, hex(item, "ratchet_tree"))
  const members = objects(item, "leaves_private").map((entry) => memberOf(suite, tree, entry))
  for (const update of objects(item, "update_paths")) {
    checkTheirs(suite, item, tree, members, update)
    const sender = members.find(({ leaf }) => leaf === integer(update, "sender"))
    ensure(sender !== undefined, "the sender's secrets are not given")
    checkOurs(suite, item, tree, members, sender)
  }
}

export const mlsTreeKemSuite: VectorSuite = arraySuite(
  "MLS TreeKEM",
  ["leaves_private", "update_paths", "ratchet_tree"],
  forSuite(checkTreeKem),
)
