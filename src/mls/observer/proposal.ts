import { findExtension } from "../codec/extension.ts"
import type { Sender } from "../codec/framing.ts"
import type { GroupContext } from "../codec/group-context.ts"
import { decodeExternalSenders } from "../codec/group-extensions.ts"
import type { Proposal } from "../codec/proposal.ts"
import { ExtensionType } from "../codec/protocol.ts"
import { check, decoding, MlsError } from "../error.ts"
import type { Policy } from "../group/policy.ts"
import { type CommittedProposal, checkProposal, checkProposalSender } from "../group/proposal.ts"
import { checkTypesSupported } from "../group/proposal-support.ts"
import { proposalRef } from "../labels.ts"
import { rules } from "../rules.ts"
import type { CipherSuite } from "../suite.ts"
import type { FlatTree } from "../tree/flat-tree.ts"
import { checkEpoch, checkSignature, decodeHandshake, type Handshake } from "./handshake.ts"
import type { PublicGroupState } from "./state.ts"

/** A proposal sent by itself, which a later commit may name by `ref`, the hash of the message (RFC 9420 section 5.2). */
export interface AuthenticatedProposal extends CommittedProposal {
  readonly ref: Uint8Array
  readonly authenticatedData: Uint8Array
}

function senderKey(context: GroupContext, tree: FlatTree, sender: Sender, proposal: Proposal): Uint8Array {
  if (sender.kind === "member") return tree.signatureKey(sender.leafIndex)
  if (sender.kind === "external") {
    const extension = findExtension(context.extensions, ExtensionType.externalSenders)
    const senders = extension === undefined ? [] : decoding(() => decodeExternalSenders(extension))
    const key = senders[sender.senderIndex]?.signatureKey
    check(key !== undefined, rules.unknownSender)
    return key
  }
  if (sender.kind === "newMemberProposal" && proposal.kind === "add") {
    return proposal.keyPackage.leafNode.signatureKey
  }
  throw new MlsError(rules.senderType)
}

/**
 * Validates a proposal that is sent by itself, as a PublicMessage for the current epoch (RFC 9420 sections 6.1, 12.1):
 * who may send it, its signature, and the proposal by itself. A membership tag cannot be checked by an observer. The
 * result has a copy of the message's bytes. Throws MlsError.
 */
export function observeProposal(
  suite: CipherSuite,
  state: PublicGroupState,
  tree: FlatTree,
  mlsMessage: Uint8Array,
  policy: Policy,
): AuthenticatedProposal {
  return acceptProposal(suite, state, tree, decodeHandshake(mlsMessage.slice()), policy)
}

/** {@link observeProposal} of a message that is decoded, or decrypted, already. Throws MlsError. */
export function acceptProposal(
  suite: CipherSuite,
  state: PublicGroupState,
  tree: FlatTree,
  handshake: Handshake,
  policy: Policy,
): AuthenticatedProposal {
  const { framed } = handshake
  check(framed.content.kind === "proposal", rules.notProposal)
  const { sender, authenticatedData } = framed
  const { proposal } = framed.content
  checkEpoch(state.context, handshake)
  checkProposalSender(proposal, sender, policy)
  checkSignature(suite, state.context, handshake, senderKey(state.context, tree, sender, proposal))
  const ref = proposalRef(suite, handshake.authenticatedContent)
  const accepted = { proposal, sender, authenticatedData, ref }
  checkProposal({ suite, group: state.context, tree, policy }, accepted)
  if (proposal.kind === "selfRemove") checkTypesSupported(tree, [proposal], [])
  return accepted
}
