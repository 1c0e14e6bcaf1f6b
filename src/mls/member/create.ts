import { wipe } from "../../crypto/wipe.ts"
import { Writer } from "../../wire/tls.ts"
import type { Extension } from "../codec/extension.ts"
import { encodeLeafNode, type Lifetime } from "../codec/leaf-node.ts"
import { leafEntry } from "../codec/node.ts"
import { checkTree } from "../group/tree-validity.ts"
import { nextState } from "../observer/commit.ts"
import type { CipherSuite } from "../suite.ts"
import { FlatTree } from "../tree/flat-tree.ts"
import { firstSecrets } from "./epoch.ts"
import { confirmationTag, firstEpoch } from "./key-schedule.ts"
import { leafContent, type OwnLeaf, signLeaf } from "./leaf.ts"
import { PrivateTree } from "./private-tree.ts"
import type { MemberState } from "./state.ts"
import { freshKeyPair } from "./treekem.ts"

/** What a group begins with. */
export interface NewGroup {
  readonly groupId: Uint8Array
  readonly leaf: OwnLeaf
  readonly lifetime: Lifetime
  /** Of the GroupContext. */
  readonly extensions?: readonly Extension[]
}

const SECRET_BYTES = 32
const NO_HASH = new Uint8Array(0)

/** Creates a group of one at epoch 0 (RFC 9420 section 11). Throws MlsError if its leaf does not suit it. */
export function createGroup(suite: CipherSuite, group: NewGroup): MemberState {
  const { groupId, leaf: own, lifetime, extensions = [] } = group
  const keyPair = freshKeyPair(suite)
  const source = { kind: "keyPackage", lifetime } as const
  const content = { ...leafContent(suite, own), encryptionKey: keyPair.publicKey, source }
  const entry = leafEntry(encodeLeafNode(signLeaf(suite, content, own.signatureSecret, undefined)))
  const tree = FlatTree.decode(suite, new Writer(entry.length + 4).opaque(entry).finish())
  checkTree(suite, tree, groupId, extensions)

  const epochSecret = suite.random(SECRET_BYTES)
  const epoch = firstEpoch(suite, epochSecret)
  wipe(epochSecret)
  const context = {
    cipherSuite: suite.id,
    groupId: groupId.slice(),
    epoch: 0n,
    treeHash: tree.rootHash(),
    confirmedTranscriptHash: NO_HASH,
    extensions,
  }
  const start = {
    suite,
    group: nextState(suite, context, confirmationTag(suite, epoch.confirmation, NO_HASH)),
    tree,
  }
  return {
    ...start,
    leaf: 0,
    signatureSecret: own.signatureSecret.slice(),
    reInit: undefined,
    secrets: firstSecrets(start, epoch, new PrivateTree(new Map([[0, keyPair.secretKey]]))),
  }
}
