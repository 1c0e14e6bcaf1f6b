import { wipe } from "../../crypto/wipe.ts"
import { type Extension, findExtension } from "../codec/extension.ts"
import { encodeGroupInfo } from "../codec/group-info.ts"
import { encodeKeyPackage } from "../codec/key-package.ts"
import { encodeMlsMessage } from "../codec/message.ts"
import type { Proposal } from "../codec/proposal.ts"
import { ExtensionType, WireFormat } from "../codec/protocol.ts"
import { encodeGroupSecrets } from "../codec/welcome.ts"
import { leafAt } from "../group/leaf-validity.ts"
import type { Policy } from "../group/policy.ts"
import type { CommittedCustomProposal } from "../group/proposal-list.ts"
import { keyPackageRef } from "../labels.ts"
import { type BuiltCommit, buildCommit } from "./build-commit.ts"
import { enterEpoch } from "./epoch.ts"
import { protectHandshake } from "./framing.ts"
import { signGroupInfo } from "./group-info.ts"
import { leafContent, type OwnLeaf } from "./leaf.ts"
import { itemsToCommit } from "./proposals.ts"
import { findPsks, type NamedPsk, type PskLookup, pskIdsOf } from "./psks.ts"
import { changeableSecrets, type MemberState } from "./state.ts"
import { pathSecretFor, sealing, wipePath } from "./treekem.ts"
import { sealGroupInfo, sealGroupSecrets } from "./welcome-crypto.ts"

/** How a member commits. */
export interface OwnCommitOptions extends Policy {
  /** Committed by value, besides what is in the store. */
  readonly proposals?: readonly Proposal[]
  /** References of stored proposals that are not committed. */
  readonly leaveOut?: readonly Uint8Array[]
  readonly psks?: PskLookup
  /** No path where the proposals need none (RFC 9420 section 12.4); else there always is one. */
  readonly withoutPath?: boolean
  /** What the own leaf says from now on; without it, what it says now. */
  readonly leaf?: OwnLeaf
  readonly authenticatedData?: Uint8Array
  /** Encrypts the commit as a PrivateMessage. */
  readonly encrypted?: boolean
  /** Sends the tree to those who join, in their Welcome. */
  readonly treeInWelcome?: boolean
  /** More extensions for the Welcome's GroupInfo. */
  readonly welcomeExtensions?: readonly Extension[]
}

/** A commit that has not taken effect anywhere. */
export interface OwnCommit {
  /** MLSMessage. */
  readonly message: Uint8Array
  /** MLSMessage, if somebody is added. */
  readonly welcome: Uint8Array | undefined
  /** Takes this member's place once the commit is accepted. */
  readonly next: MemberState
  /** To be overwritten once `next` is stored; this member can do nothing after that. */
  readonly consumed: readonly Uint8Array[]
  /** The leaves that were added. */
  readonly added: readonly number[]
  /** What is committed of the application's own types, for it to act on once the commit is accepted. */
  readonly custom: readonly CommittedCustomProposal[]
}

/** Makes a commit (RFC 9420 section 12.4.1) of all stored proposals that can be committed and those given. Throws MlsError. */
export function createCommit(state: MemberState, options: OwnCommitOptions): OwnCommit {
  const secrets = changeableSecrets(state)
  const { suite, group, tree, leaf } = state
  const items = itemsToCommit(state, options.proposals ?? [], options.leaveOut)
  const committed = items.map((item) => item.committed.proposal)
  const psks = findPsks(pskIdsOf(committed), options.psks, {
    groupId: group.context.groupId,
    resumptions: secrets.resumptions,
  })
  const leafSignatureSecret = options.leaf?.signatureSecret.slice() ?? state.signatureSecret
  const built = buildCommit({
    suite,
    group,
    tree,
    sender: { kind: "member", leafIndex: leaf },
    policy: options,
    items,
    psks,
    withoutPath: options.withoutPath === true && options.leaf === undefined,
    content: options.leaf === undefined ? leafAt(tree, leaf) : leafContent(suite, options.leaf),
    leafSignatureSecret,
    signatureSecret: state.signatureSecret,
    initSecret: secrets.epoch.init,
    wireFormat: options.encrypted === true ? WireFormat.privateMessage : WireFormat.publicMessage,
    authenticatedData: options.authenticatedData ?? new Uint8Array(0),
  })
  const sent = protectHandshake(state, built.handshake, options.encrypted === true)
  const moved = secrets.privateTree.advance(tree, built.tree, built.path?.keys ?? new Map())
  const advanced = enterEpoch(sent.next, {
    group: built.group,
    tree: built.tree,
    changed: built.changed,
    epoch: built.epoch,
    privateTree: moved.tree,
    dropped: moved.dropped,
    signatureSecret: built.path === undefined ? state.signatureSecret : leafSignatureSecret,
    proposals: committed,
  })
  const welcome = built.added.length === 0 ? undefined : makeWelcome(advanced.next, built, psks, options)
  if (built.path !== undefined) wipePath(built.path)
  wipe(built.joinerSecret, built.pskSecret)
  return {
    message: sent.message,
    welcome,
    next: advanced.next,
    consumed: [...sent.consumed, ...advanced.consumed],
    added: built.added.map((one) => one.leaf),
    custom: built.list.custom,
  }
}

/** The Welcome for those whom a commit adds (RFC 9420 section 12.4.3.1). */
function makeWelcome(
  next: MemberState,
  built: BuiltCommit,
  psks: readonly NamedPsk[],
  options: OwnCommitOptions,
): Uint8Array {
  const { suite, group, tree, leaf, signatureSecret } = next
  const extensions = [...(options.welcomeExtensions ?? [])]
  if (options.treeInWelcome === true && findExtension(extensions, ExtensionType.ratchetTree) === undefined) {
    extensions.push({ type: ExtensionType.ratchetTree, data: tree.encode() })
  }
  const groupInfo = encodeGroupInfo(signGroupInfo(suite, group, { leaf, signatureSecret }, extensions))
  const encryptedGroupInfo = sealGroupInfo(suite, built.joinerSecret, built.pskSecret, groupInfo)
  const secrets = built.added.map((added) => {
    const plaintext = encodeGroupSecrets({
      joinerSecret: built.joinerSecret,
      pathSecret: built.path && pathSecretFor(built.path, tree.leafWidth, added.leaf),
      psks: psks.map(({ id }) => id),
    })
    const { initKey } = added.keyPackage
    const encryptedGroupSecrets = sealing(() =>
      sealGroupSecrets(suite, initKey, encryptedGroupInfo, plaintext),
    )
    wipe(plaintext)
    return { newMember: keyPackageRef(suite, encodeKeyPackage(added.keyPackage)), encryptedGroupSecrets }
  })
  return encodeMlsMessage({
    kind: "welcome",
    welcome: { cipherSuite: suite.id, secrets, encryptedGroupInfo },
  })
}
