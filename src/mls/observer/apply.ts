import { equal } from "../../wire/bytes.ts"
import type { Sender } from "../codec/framing.ts"
import type { GroupContext } from "../codec/group-context.ts"
import { encodeLeafNode, type LeafNode } from "../codec/leaf-node.ts"
import type { UpdatePath } from "../codec/update-path.ts"
import { check } from "../error.ts"
import { checkLeafNode, checkSource, checkSupport, groupDemands, leafAt } from "../group/leaf-validity.ts"
import type { ProposalList } from "../group/proposal-list.ts"
import { checkPathShape, mergePath } from "../group/update-path.ts"
import { rules } from "../rules.ts"
import type { CipherSuite } from "../suite.ts"
import { TreeEdit } from "../tree/edit.ts"
import type { FlatTree } from "../tree/flat-tree.ts"
import { credentialTypesInUse, encryptionKeyOccurs, signatureKeyOccurs } from "../tree/keys.ts"

/** The epoch that a commit ends. */
export interface Epoch {
  readonly suite: CipherSuite
  readonly context: GroupContext
  readonly tree: FlatTree
}

/** A tree being edited, with a commit's proposals applied to it. */
export interface ProposalsApplied {
  readonly edit: TreeEdit
  /** Leaves that are new or replaced, the committer's included once its path is applied. */
  readonly fresh: Map<number, LeafNode>
  readonly committerLeaf: number
  /** Where the members of `adds` landed, in their order. */
  readonly addedLeaves: readonly number[]
}

/** A tree with a commit applied to it. */
export interface AppliedCommit {
  readonly tree: FlatTree
  readonly undo: Uint8Array
  readonly committerLeaf: number
  readonly addedLeaves: readonly number[]
}

/** Applies a list of proposals in the order of RFC 9420 section 12.3 and finds the committer's place. Throws MlsError. */
export function applyProposals(epoch: Epoch, list: ProposalList, sender: Sender): ProposalsApplied {
  const edit = new TreeEdit(epoch.suite, epoch.tree)
  const fresh = new Map<number, LeafNode>()
  for (const { leaf, leafNode } of list.updates) {
    edit.update(leaf, encodeLeafNode(leafNode))
    fresh.set(leaf, leafNode)
  }
  for (const leaf of list.removes) edit.remove(leaf)
  const addedLeaves = list.adds.map(({ leafNode }) => {
    const leaf = edit.add(encodeLeafNode(leafNode))
    fresh.set(leaf, leafNode)
    return leaf
  })
  checkEncryptionKeys(edit, fresh)
  const committerLeaf = sender.kind === "member" ? sender.leafIndex : edit.takeBlankLeaf()
  return { edit, fresh, committerLeaf, addedLeaves }
}

/** Checks what proposals and path made of the tree: signature keys unique, everything supported by everybody. Throws MlsError. */
export function finishCommit(epoch: Epoch, list: ProposalList, applied: ProposalsApplied): AppliedCommit {
  const { context, tree } = epoch
  const { edit, fresh, committerLeaf, addedLeaves } = applied
  const signatureKeys = [...fresh].map(([leaf, { signatureKey }]) => ({ key: signatureKey, node: 2 * leaf }))
  check(!signatureKeyOccurs(edit, signatureKeys), rules.duplicateSignatureKey)

  const extensionsChanged = list.groupContextExtensions !== undefined
  const demands = groupDemands(list.groupContextExtensions ?? context.extensions)
  checkSupport(edit, fresh, demands, extensionsChanged, credentialTypesInUse(tree))
  return { ...edit.finish(), committerLeaf, addedLeaves }
}

/**
 * Applies a list of proposals and a path to a tree, in the order of RFC 9420 sections 12.3 and 12.4.2, and checks the
 * result: the path, all leaves that are new, keys unique, everything supported by everybody. Throws MlsError.
 */
export function applyCommit(
  epoch: Epoch,
  list: ProposalList,
  path: UpdatePath | undefined,
  sender: Sender,
): AppliedCommit {
  const { suite, context, tree } = epoch
  const applied = applyProposals(epoch, list, sender)
  const { edit, fresh, committerLeaf, addedLeaves } = applied
  if (path !== undefined) {
    const { leafNode } = path
    checkReplacedKey(tree, list, sender, leafNode)
    checkSource(leafNode, "commit")
    checkLeafNode(suite, leafNode, { groupId: context.groupId, leafIndex: committerLeaf })
    const steps = checkPathShape(suite, edit, committerLeaf, path, new Set(addedLeaves))
    mergePath(suite, edit, committerLeaf, path, steps)
    fresh.set(committerLeaf, leafNode)
  }
  return finishCommit(epoch, list, applied)
}

function checkEncryptionKeys(edit: TreeEdit, fresh: ReadonlyMap<number, LeafNode>): void {
  const keys = [...fresh].map(([leaf, { encryptionKey }]) => ({ key: encryptionKey, node: 2 * leaf }))
  check(!encryptionKeyOccurs(edit, keys), rules.duplicateEncryptionKey)
}

/** A committer's new leaf, and one that replaces a removed leaf by resync, have another key than the old one. */
function checkReplacedKey(tree: FlatTree, list: ProposalList, sender: Sender, leafNode: LeafNode): void {
  const replaced = sender.kind === "member" ? [sender.leafIndex] : list.removes
  for (const leaf of replaced) {
    check(!equal(leafAt(tree, leaf).encryptionKey, leafNode.encryptionKey), rules.leafKeyReused)
  }
}
