import { nativeCrypto as crypto } from "../src/crypto/native.ts"
import type { GroupContext } from "../src/mls/codec/group-context.ts"
import { encodeLeafNode } from "../src/mls/codec/leaf-node.ts"
import { BLANK_NODE, encodeParentEntry, leafEntry } from "../src/mls/codec/node.ts"
import { FlatTree, type PublicGroupState } from "../src/mls/index.ts"
import { firstSecrets } from "../src/mls/member/epoch.ts"
import { Member } from "../src/mls/member/group.ts"
import { createKeyPackage, type OwnKeyPackage } from "../src/mls/member/key-package.ts"
import { confirmationTag, firstEpoch } from "../src/mls/member/key-schedule.ts"
import { leafContent, type OwnLeaf, signLeaf } from "../src/mls/member/leaf.ts"
import { PrivateTree } from "../src/mls/member/private-tree.ts"
import { nextState } from "../src/mls/observer/commit.ts"
import { suite1 } from "../src/mls/suites/suite1.ts"
import { leafHash, parentHash, parentTreeHash } from "../src/mls/tree/hash.ts"
import {
  directPath,
  leavesBelow,
  leftOf,
  nodeCount,
  rightOf,
  rootOf,
  widthFor,
} from "../src/mls/tree/math.ts"
import { Writer } from "../src/wire/tls.ts"

export const suite = suite1(crypto)

/**
 * Valid ratchet trees of any size whose secrets are all known, in which every member has committed once, from the first
 * leaf to the last. A parent was last set by the rightmost member below it, so only right children carry the parent hash
 * of the node above them; what left children carry belongs to a commit that was overwritten, and is random here.
 */
export interface KnownTree {
  readonly groupId: Uint8Array
  readonly members: number
  /** `ratchet_tree` as the RFC has it. */
  readonly ratchetTree: Uint8Array
  /** HPKE secret keys of leaves and parents, by node. */
  readonly secretKeys: ReadonlyMap<number, Uint8Array>
  /** By leaf. */
  readonly signatureSecrets: readonly Uint8Array[]
}

const HASH_BYTES = 32
const IDENTITY_BYTES = 32
const CAPABILITIES = { versions: [1], cipherSuites: [1], extensions: [], proposals: [], credentials: [1] }

function newLeaf(): OwnLeaf {
  const credential = { kind: "basic" as const, identity: crypto.random(IDENTITY_BYTES) }
  const signatureSecret = suite.generateSignatureSecret()
  return { signatureSecret, credential, capabilities: CAPABILITIES, extensions: [] }
}

/** A client that may be added. */
export function newClient(now: bigint): OwnKeyPackage {
  return createKeyPackage(suite, newLeaf(), { notBefore: now - 3600n, notAfter: now + 86_400n })
}

/** The hash of a subtree without members. */
function blankHash(node: number): Uint8Array {
  if (node % 2 === 0) return leafHash(suite, node / 2, BLANK_NODE)
  return parentTreeHash(suite, BLANK_NODE, blankHash(leftOf(node)), blankHash(rightOf(node)))
}

export function makeTree(members: number): KnownTree {
  const groupId = crypto.random(16)
  const width = widthFor(members)
  const secretKeys = new Map<number, Uint8Array>()
  const signatureSecrets: Uint8Array[] = []
  const entries = new Array<Uint8Array>(nodeCount(width)).fill(BLANK_NODE)

  const newKey = (node: number): Uint8Array => {
    const secretKey = crypto.random(HASH_BYTES)
    secretKeys.set(node, secretKey)
    return suite.hpkePublic(secretKey)
  }
  const fillLeaf = (leafIndex: number, carried: Uint8Array): Uint8Array => {
    const own = newLeaf()
    signatureSecrets[leafIndex] = own.signatureSecret
    const source = { kind: "commit", parentHash: carried } as const
    const content = { ...leafContent(suite, own), encryptionKey: newKey(2 * leafIndex), source }
    const leaf = signLeaf(suite, content, own.signatureSecret, { groupId, leafIndex })
    const entry = leafEntry(encodeLeafNode(leaf))
    entries[2 * leafIndex] = entry
    return leafHash(suite, leafIndex, entry)
  }
  /** Fills a subtree whose top carries this parent hash, and returns its tree hash. */
  const fill = (node: number, carried: Uint8Array): Uint8Array => {
    if (node % 2 === 0) return fillLeaf(node / 2, carried)
    const [left, right] = [leftOf(node), rightOf(node)]
    // Without a member on the right the node is in nobody's filtered direct path.
    if (leavesBelow(right).first >= members)
      return parentTreeHash(suite, BLANK_NODE, fill(left, carried), blankHash(right))
    const parent = { encryptionKey: newKey(node), parentHash: carried, unmergedLeaves: [] }
    const entry = encodeParentEntry(parent)
    entries[node] = entry
    const leftHash = fill(left, crypto.random(HASH_BYTES))
    const rightHash = fill(right, parentHash(suite, parent, leftHash))
    return parentTreeHash(suite, entry, leftHash, rightHash)
  }
  fill(rootOf(width), new Uint8Array(0))
  const writer = new Writer(512 * members)
  for (const entry of entries.slice(0, 2 * members - 1)) writer.raw(entry)
  const content = writer.finish()
  const ratchetTree = new Writer(content.length + 4).opaque(content).finish()
  return { groupId, members, ratchetTree, secretKeys, signatureSecrets }
}

/** One epoch of such a group, with everything that its members share. */
export interface KnownGroup extends KnownTree {
  readonly tree: FlatTree
  readonly state: PublicGroupState
  readonly epochSecret: Uint8Array
}

export function makeGroup(members: number): KnownGroup {
  const known = makeTree(members)
  const tree = FlatTree.decode(suite, known.ratchetTree)
  const epochSecret = crypto.random(HASH_BYTES)
  const context: GroupContext = {
    cipherSuite: suite.id,
    groupId: known.groupId,
    epoch: 7n,
    treeHash: tree.rootHash(),
    confirmedTranscriptHash: crypto.random(HASH_BYTES),
    extensions: [],
  }
  const { confirmation } = firstEpoch(suite, epochSecret)
  const tag = confirmationTag(suite, confirmation, context.confirmedTranscriptHash)
  return { ...known, tree, state: nextState(suite, context, tag), epochSecret }
}

/** The secret keys that a member knows, by node. */
export function privateKeys(group: KnownGroup, leaf: number): Map<number, Uint8Array> {
  const keys = new Map<number, Uint8Array>()
  for (const node of [2 * leaf, ...directPath(2 * leaf, group.tree.leafWidth)]) {
    const key = group.secretKeys.get(node)
    if (key !== undefined) keys.set(node, key)
  }
  return keys
}

export function memberAt(group: KnownGroup, leaf: number): Member {
  const { tree, state } = group
  const epoch = firstEpoch(suite, group.epochSecret)
  return new Member({
    suite,
    group: state,
    tree,
    leaf,
    signatureSecret: group.signatureSecrets[leaf] as Uint8Array,
    reInit: undefined,
    secrets: firstSecrets({ suite, group: state, tree }, epoch, new PrivateTree(privateKeys(group, leaf))),
  })
}
