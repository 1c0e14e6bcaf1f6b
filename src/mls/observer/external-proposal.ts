import type { GroupContext } from "../codec/group-context.ts"
import { encodeMlsMessage } from "../codec/message.ts"
import type { Proposal } from "../codec/proposal.ts"
import { WireFormat } from "../codec/protocol.ts"
import { signWithLabel } from "../labels.ts"
import type { CipherSuite } from "../suite.ts"
import { toBeSigned } from "./handshake.ts"

/** One of a group's `external_senders`: its place in the list, and the secret of its key. */
export interface ExternalSenderKeys {
  readonly senderIndex: number
  readonly signatureSecret: Uint8Array
}

/**
 * The MLSMessage by which an external sender proposes something to a group, for the epoch of `context` (RFC 9420 section
 * 12.1.8). Whether external senders may propose it is the caller's to know.
 */
export function proposeFromOutside(
  suite: CipherSuite,
  context: GroupContext,
  sender: ExternalSenderKeys,
  proposal: Proposal,
): Uint8Array {
  const framed = {
    groupId: context.groupId,
    epoch: context.epoch,
    sender: { kind: "external", senderIndex: sender.senderIndex } as const,
    authenticatedData: new Uint8Array(0),
    content: { kind: "proposal", proposal } as const,
  }
  const signed = toBeSigned(WireFormat.publicMessage, framed, context)
  const signature = signWithLabel(suite, sender.signatureSecret, "FramedContentTBS", signed)
  const auth = { signature, confirmationTag: undefined }
  return encodeMlsMessage({ kind: "publicMessage", message: { framed, auth, membershipTag: undefined } })
}
