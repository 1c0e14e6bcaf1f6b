import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { encodeExternalPub } from "../../src/mls/codec/group-extensions.ts"
import { encodeGroupInfo, type GroupInfo } from "../../src/mls/codec/group-info.ts"
import { observeCreation } from "../../src/mls/observer/creation.ts"
import { verifyGroupInfo } from "../../src/mls/observer/group-info.ts"
import { suite1 } from "../../src/mls/suites/suite1.ts"
import { TreeEdit } from "../../src/mls/tree/edit.ts"
import { FlatTree } from "../../src/mls/tree/flat-tree.ts"
import { parentAt } from "../../src/mls/tree/view.ts"
import { Forge, NOW, Person } from "./forge.ts"
import type { Refusals } from "./refusals.ts"

const suite = suite1(crypto)

/** Refusals of trees and GroupInfos. */

const forge = Forge.standard()
const zero32 = new Uint8Array(32)

/** Takes up the group from a changed GroupInfo and tree that are otherwise right. */
function create(changes: Partial<GroupInfo>, tree = forge.tree): unknown {
  const { context } = forge.state
  const info = forge.signGroupInfo({ groupContext: { ...context, treeHash: tree.rootHash() }, ...changes })
  return observeCreation(suite, encodeGroupInfo(info), tree.encode(), NOW)
}

function context(changes: Partial<GroupInfo["groupContext"]>): unknown {
  return create({ groupContext: { ...forge.state.context, ...changes } })
}

function edited(change: (edit: TreeEdit) => void): FlatTree {
  const edit = new TreeEdit(suite, forge.tree)
  change(edit)
  return edit.finish().tree
}

function rebuild(changes: Partial<GroupInfo>, seed?: Uint8Array): unknown {
  const info = forge.signGroupInfo(changes, seed)
  return verifyGroupInfo(suite, forge.state, forge.tree, info.extensions, info.signer, info.signature)
}

const ROOT = 3

export const groupRefusals: Refusals = {
  unsupportedSuite: () => context({ cipherSuite: 2 }),
  transcriptHashLength: () => context({ confirmedTranscriptHash: new Uint8Array(0) }),
  treeHash: () => context({ treeHash: zero32 }),
  parentHash: () =>
    create(
      {},
      edited((edit) => edit.setParent(ROOT, { ...parentAt(edit, ROOT)!, encryptionKey: forge.key() })),
    ),
  unmergedLeaves: () =>
    create(
      {},
      edited((edit) => edit.setParent(ROOT, { ...parentAt(edit, ROOT)!, unmergedLeaves: [7] })),
    ),
  treeTrailingBlank: () => FlatTree.decode(suite, Uint8Array.of(2, 0, 0)),
  groupInfoSignature: () => rebuild({}, new Person(60).seed),
  groupInfoSigner: () => rebuild({ signer: 9 }),
  groupInfoExternalPub: () => rebuild({ extensions: [{ type: 4, data: zero32 }] }),
  groupInfoRatchetTree: () =>
    rebuild({ extensions: [encodeExternalPub(zero32), { type: 2, data: forge.tree.encode() }] }),
  snapshot: () => FlatTree.load(forge.tree.snapshot().slice(0, -1)),
}

/** The same, with nothing wrong. */
export const groupAcceptances: Readonly<Record<string, () => unknown>> = {
  "a group of several members": () => create({}),
  "a GroupInfo rebuilt": () => rebuild({}),
}
