import type { Proposal } from "../codec/proposal.ts"
import { WireFormat } from "../codec/protocol.ts"
import { check } from "../error.ts"
import { leafAt } from "../group/leaf-validity.ts"
import type { Policy } from "../group/policy.ts"
import { leavesRemoved } from "../group/proposal.ts"
import { signWithLabel } from "../labels.ts"
import { composeHandshake, toBeSigned } from "../observer/handshake.ts"
import { acceptProposal } from "../observer/proposal.ts"
import type { Advanced } from "./epoch.ts"
import { protectHandshake } from "./framing.ts"
import { leafContent, type OwnLeaf, signLeaf } from "./leaf.ts"
import { storeProposal } from "./process.ts"
import { memberRules } from "./rules.ts"
import { changeableSecrets, type MemberSecrets, type MemberState, withSecrets } from "./state.ts"
import { freshKeyPair } from "./treekem.ts"

/** How a member proposes. */
export interface ProposeOptions extends Policy {
  readonly authenticatedData?: Uint8Array
  /** Encrypts the proposal as a PrivateMessage. */
  readonly encrypted?: boolean
}

/** A proposal that is on its way; the next state knows it. */
export interface OwnProposal extends Advanced {
  /** MLSMessage. */
  readonly message: Uint8Array
  /** ProposalRef. */
  readonly ref: Uint8Array
}

/** Sends a proposal by itself (RFC 9420 section 12.1), for this epoch. Throws MlsError if it is not valid. */
export function propose(state: MemberState, proposal: Proposal, options: ProposeOptions): OwnProposal {
  const secrets = changeableSecrets(state)
  if (proposal.kind === "selfRemove") checkNotLeavingYet(state, secrets)
  const { suite, group, tree, leaf, signatureSecret } = state
  const wireFormat = options.encrypted === true ? WireFormat.privateMessage : WireFormat.publicMessage
  const framed = {
    groupId: group.context.groupId,
    epoch: group.context.epoch,
    sender: { kind: "member", leafIndex: leaf } as const,
    authenticatedData: options.authenticatedData ?? new Uint8Array(0),
    content: { kind: "proposal", proposal } as const,
  }
  const signed = toBeSigned(wireFormat, framed, group.context)
  const signature = signWithLabel(suite, signatureSecret, "FramedContentTBS", signed)
  const handshake = composeHandshake(wireFormat, framed, { signature, confirmationTag: undefined })
  const accepted = acceptProposal(suite, group, tree, handshake, options)
  const sent = protectHandshake(state, handshake, options.encrypted === true)
  return {
    message: sent.message,
    ref: accepted.ref,
    next: storeProposal(sent.next, accepted),
    consumed: sent.consumed,
  }
}

function checkNotLeavingYet({ leaf }: MemberState, { proposals }: MemberSecrets): void {
  const removes = leavesRemoved(
    [...proposals.values()].filter(({ proposal }) => proposal.kind === "selfRemove"),
  )
  check(!removes.includes(leaf), memberRules.selfRemoveRepeated)
}

/**
 * Proposes a fresh own leaf (RFC 9420 section 12.1.2), saying what `content` says if it is given. It takes effect when
 * another member commits it; until the epoch ends its secrets are kept.
 */
export function proposeUpdate(
  state: MemberState,
  content: OwnLeaf | undefined,
  options: ProposeOptions,
): OwnProposal {
  const secrets = changeableSecrets(state)
  const { suite, group, tree, leaf: leafIndex } = state
  const signatureSecret = content?.signatureSecret.slice() ?? state.signatureSecret
  const keyPair = freshKeyPair(suite)
  const says = content === undefined ? leafAt(tree, leafIndex) : leafContent(suite, content)
  const unsigned = { ...says, encryptionKey: keyPair.publicKey, source: { kind: "update" } as const }
  const place = { groupId: group.context.groupId, leafIndex }
  const leafNode = signLeaf(suite, unsigned, signatureSecret, place)
  const proposed = propose(state, { kind: "update", leafNode }, options)
  const update = {
    encryptionKey: keyPair.publicKey,
    encryptionSecretKey: keyPair.secretKey,
    signatureSecret,
  }
  return { ...proposed, next: withSecrets(proposed.next, { updates: [...secrets.updates, update] }) }
}
