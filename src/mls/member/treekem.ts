import { CryptoError } from "../../crypto/provider.ts"
import { wipe } from "../../crypto/wipe.ts"
import { equal } from "../../wire/bytes.ts"
import { encodeLeafNode, type LeafNode } from "../codec/leaf-node.ts"
import type { UpdatePath } from "../codec/update-path.ts"
import { check, MlsError } from "../error.ts"
import { decryptWithLabel, deriveSecret, encryptWithLabel } from "../labels.ts"
import type { CipherSuite, HpkeKeyPair } from "../suite.ts"
import type { TreeEdit } from "../tree/edit.ts"
import { parentHash } from "../tree/hash.ts"
import { directPath } from "../tree/math.ts"
import { filteredDirectPath, type PathStep, type TreeView } from "../tree/view.ts"
import { type LeafContent, signLeaf } from "./leaf.ts"
import { encryptionKeyAt, type PrivateTree } from "./private-tree.ts"
import { memberRules } from "./rules.ts"

/** TreeKEM (RFC 9420 sections 7.4 to 7.6): making a path, and following the secrets of one. */

const LABEL = "UpdatePathNode"
const SECRET_BYTES = 32
const NO_HASH = new Uint8Array(0)

/** A key pair nobody else has. */
export function freshKeyPair(suite: CipherSuite): HpkeKeyPair {
  const input = suite.random(SECRET_BYTES)
  const pair = suite.hpkeDeriveKeyPair(input)
  wipe(input)
  return pair
}

function nodeKeyPair(suite: CipherSuite, pathSecret: Uint8Array): HpkeKeyPair {
  const nodeSecret = deriveSecret(suite, pathSecret, "node")
  const pair = suite.hpkeDeriveKeyPair(nodeSecret)
  wipe(nodeSecret)
  return pair
}

/** One node of a path as its maker holds it. */
interface NewPathNode {
  readonly step: PathStep
  readonly pathSecret: Uint8Array
  readonly keyPair: HpkeKeyPair
}

/** A path that is part of the tree already and still has to be encrypted to the others. */
export interface NewPath {
  readonly leafNode: LeafNode
  /** The secret keys of the leaf and the path's nodes, by node index. */
  readonly keys: ReadonlyMap<number, Uint8Array>
  readonly nodes: readonly NewPathNode[]
  /** 32 bytes, for the key schedule. */
  readonly commitSecret: Uint8Array
}

/** Where a new path begins. */
export interface PathPlace {
  readonly groupId: Uint8Array
  readonly leafIndex: number
}

/**
 * Gives a leaf a new key and a new filtered direct path and puts both into the tree (RFC 9420 sections 7.4, 7.5 and
 * 7.9). The path of a group of one has no nodes; its commit secret is as random as any.
 */
export function makePath(
  suite: CipherSuite,
  edit: TreeEdit,
  place: PathPlace,
  content: LeafContent,
  signatureSecret: Uint8Array,
): NewPath {
  const leafKeyPair = freshKeyPair(suite)
  let secret = suite.random(SECRET_BYTES)
  const nodes = filteredDirectPath(edit, place.leafIndex).map((step): NewPathNode => {
    const pathSecret = secret
    secret = deriveSecret(suite, pathSecret, "path")
    return { step, pathSecret, keyPair: nodeKeyPair(suite, pathSecret) }
  })

  edit.blankDirectPath(place.leafIndex)
  let above: Uint8Array = NO_HASH
  for (const { step, keyPair } of nodes.toReversed()) {
    const parent = { encryptionKey: keyPair.publicKey, parentHash: above, unmergedLeaves: [] }
    edit.setParent(step.node, parent)
    above = parentHash(suite, parent, edit.hash(step.copathChild))
  }
  const source = { kind: "commit", parentHash: above } as const
  const unsigned = { ...content, encryptionKey: leafKeyPair.publicKey, source }
  const leafNode = signLeaf(suite, unsigned, signatureSecret, place)
  edit.setLeaf(place.leafIndex, encodeLeafNode(leafNode))

  const keys = new Map([[2 * place.leafIndex, leafKeyPair.secretKey]])
  for (const { step, keyPair } of nodes) keys.set(step.node, keyPair.secretKey)
  return { leafNode, keys, nodes, commitSecret: secret }
}

/** Nodes of a copath's resolution that a path secret is encrypted to: all but leaves added by the same commit. */
function receiversOf(step: PathStep, added: ReadonlySet<number>): number[] {
  return step.copathResolution.filter((node) => node % 2 === 1 || !added.has(node / 2))
}

/**
 * Encrypts a path to everybody who was a member before (RFC 9420 section 7.6). `context` is the encoded GroupContext of
 * section 12.4.2: with the new epoch, tree hash and extensions, and the old transcript hash. Throws MlsError if somebody's
 * key is unusable.
 */
export function sealPath(
  suite: CipherSuite,
  view: TreeView,
  path: NewPath,
  context: Uint8Array,
  added: ReadonlySet<number>,
): UpdatePath {
  return {
    leafNode: path.leafNode,
    nodes: path.nodes.map(({ step, pathSecret, keyPair }) => ({
      encryptionKey: keyPair.publicKey,
      encryptedPathSecrets: receiversOf(step, added).map((node) =>
        sealing(() => encryptWithLabel(suite, encryptionKeyAt(view, node), LABEL, context, pathSecret)),
      ),
    })),
  }
}

/** Encrypts to somebody's key. Throws MlsError if it is unusable. */
export function sealing<T>(seal: () => T): T {
  try {
    return seal()
  } catch (error) {
    if (error instanceof CryptoError) throw new MlsError(memberRules.unusableKey)
    throw error
  }
}

/** The path secret for a leaf that a commit adds: that of the lowest path node above both (RFC 9420 section 12.4.3.1). */
export function pathSecretFor(path: NewPath, leafWidth: number, leaf: number): Uint8Array | undefined {
  const above = new Set(directPath(2 * leaf, leafWidth))
  return path.nodes.find(({ step }) => above.has(step.node))?.pathSecret
}

/** Overwrites the path secrets; the keys stay. */
export function wipePath(path: NewPath): void {
  wipe(path.commitSecret, ...path.nodes.map(({ pathSecret }) => pathSecret))
}

/** What following a path gives. */
export interface FollowedPath {
  /** Secret keys by node index. */
  readonly keys: ReadonlyMap<number, Uint8Array>
  /** 32 bytes, for the key schedule. */
  readonly commitSecret: Uint8Array
}

/**
 * Derives the keys of path nodes, lowest first, from the path secret of the first, and holds them against the tree.
 * `pathSecret` is overwritten. Throws MlsError.
 */
export function followPath(
  suite: CipherSuite,
  view: TreeView,
  pathSecret: Uint8Array,
  nodes: readonly number[],
): FollowedPath {
  const keys = new Map<number, Uint8Array>()
  let secret = pathSecret
  let matches = true
  for (const node of nodes) {
    const { secretKey, publicKey } = nodeKeyPair(suite, secret)
    const next = deriveSecret(suite, secret, "path")
    wipe(secret)
    secret = next
    keys.set(node, secretKey)
    matches &&= equal(publicKey, encryptionKeyAt(view, node))
  }
  if (!matches) wipe(secret, ...keys.values())
  check(matches, memberRules.pathKeys)
  return { keys, commitSecret: secret }
}

/** A path that somebody else committed, in the tree that has it. */
export interface ReceivedPath {
  readonly path: UpdatePath
  readonly tree: TreeView
  readonly committer: number
  /** The leaves that the commit added. */
  readonly added: ReadonlySet<number>
  /** As in {@link sealPath}. */
  readonly context: Uint8Array
}

/** Finds and opens the path secret for the member at `leaf`; `nodes` are those it is followed along. Throws MlsError. */
export function openPathSecret(
  suite: CipherSuite,
  received: ReceivedPath,
  leaf: number,
  keys: Pick<PrivateTree, "get">,
): { pathSecret: Uint8Array; nodes: number[] } {
  const { path, tree, committer, added, context } = received
  const steps = filteredDirectPath(tree, committer)
  const own = new Set([2 * leaf, ...directPath(2 * leaf, tree.leafWidth)])
  const at = steps.findIndex(({ copathChild }) => own.has(copathChild))
  const step = steps[at]
  check(step !== undefined, memberRules.pathSecret)
  for (const [i, node] of receiversOf(step, added).entries()) {
    const secretKey = own.has(node) ? keys.get(node) : undefined
    if (secretKey === undefined) continue
    const sealed = path.nodes[at]?.encryptedPathSecrets[i]
    check(sealed !== undefined, memberRules.pathSecret)
    const pathSecret = opening(() => decryptWithLabel(suite, secretKey, LABEL, context, sealed))
    if (pathSecret.length !== SECRET_BYTES) wipe(pathSecret)
    check(pathSecret.length === SECRET_BYTES, memberRules.pathSecret)
    return { pathSecret, nodes: steps.slice(at).map((one) => one.node) }
  }
  throw new MlsError(memberRules.pathSecret)
}

function opening(open: () => Uint8Array): Uint8Array {
  try {
    return open()
  } catch (error) {
    if (error instanceof CryptoError) throw new MlsError(memberRules.pathSecret)
    throw error
  }
}

/** Opens and follows a path (RFC 9420 section 12.4.2). Throws MlsError. */
export function receivePath(
  suite: CipherSuite,
  received: ReceivedPath,
  leaf: number,
  keys: Pick<PrivateTree, "get">,
): FollowedPath {
  const { pathSecret, nodes } = openPathSecret(suite, received, leaf, keys)
  return followPath(suite, received.tree, pathSecret, nodes)
}

/**
 * The keys that a path secret from a Welcome gives: those of the path of `signer` from the lowest node above both leaves
 * up (RFC 9420 section 12.4.3.1). `pathSecret` is overwritten. Throws MlsError.
 */
export function joinPath(
  suite: CipherSuite,
  view: TreeView,
  leaf: number,
  signer: number,
  pathSecret: Uint8Array,
): ReadonlyMap<number, Uint8Array> {
  const own = new Set(directPath(2 * leaf, view.leafWidth))
  const common = directPath(2 * signer, view.leafWidth).filter((node) => own.has(node))
  const lowest = common[0]
  const expected = lowest !== undefined && !view.isBlank(lowest) && pathSecret.length === SECRET_BYTES
  if (!expected) wipe(pathSecret)
  check(expected, memberRules.pathKeys)
  const nodes = common.filter((node) => !view.isBlank(node))
  const { keys, commitSecret } = followPath(suite, view, pathSecret, nodes)
  wipe(commitSecret)
  return keys
}
