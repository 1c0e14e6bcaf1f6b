import { wipe } from "../../crypto/wipe.ts"
import { equal } from "../../wire/bytes.ts"
import type { GroupContext } from "../codec/group-context.ts"
import { decodeMlsMessage, encodeMlsMessage } from "../codec/message.ts"
import { WireFormat } from "../codec/protocol.ts"
import { check, decoding, MlsError } from "../error.ts"
import { signWithLabel, verifyWithLabel } from "../labels.ts"
import { toBeSigned } from "../observer/handshake.ts"
import { rules } from "../rules.ts"
import type { Advanced } from "./epoch.ts"
import { type MessageSecrets, protectPrivate, unprotectPrivate } from "./message-protection.ts"
import { paddedLength } from "./padding.ts"
import { memberRules } from "./rules.ts"
import { changeableSecrets, type MemberSecrets, type MemberState, secretsOf, withSecrets } from "./state.ts"

/** Application data on its way. */
export interface SentApplication extends Advanced {
  /** MLSMessage. */
  readonly message: Uint8Array
}

/** Encrypts application data (RFC 9420 section 6.3), padded. Throws MlsError once the group takes no more. */
export function encryptApplication(
  state: MemberState,
  data: Uint8Array,
  authenticatedData: Uint8Array,
): SentApplication {
  const { suite, leaf, signatureSecret } = state
  const { epoch, secretTree } = changeableSecrets(state)
  const { context } = state.group
  const framed = {
    groupId: context.groupId,
    epoch: context.epoch,
    sender: { kind: "member", leafIndex: leaf } as const,
    authenticatedData,
    content: { kind: "application", data } as const,
  }
  const signed = toBeSigned(WireFormat.privateMessage, framed, context)
  const signature = signWithLabel(suite, signatureSecret, "FramedContentTBS", signed)
  wipe(signed)
  const auth = { signature, confirmationTag: undefined }
  const secrets = { senderDataSecret: epoch.senderData, secretTree }
  const { message, next, consumed } = protectPrivate(suite, framed, auth, secrets, paddedLength)
  return {
    message: encodeMlsMessage({ kind: "privateMessage", message }),
    next: withSecrets(state, { secretTree: next }),
    consumed,
  }
}

/** Application data of another member, authenticated. */
export interface ReceivedApplication extends Advanced {
  readonly plaintext: Uint8Array
  /** The sender's leaf index in the message's epoch. */
  readonly sender: number
  readonly epoch: bigint
  readonly authenticatedData: Uint8Array
}

/** An epoch that still reads messages: the current one at -1, or a past one by its place in the list. */
interface ReadableEpoch extends MessageSecrets {
  readonly context: GroupContext
  readonly leafWidth: number
  readonly at: number
}

function findEpoch(state: MemberState, secrets: MemberSecrets, epoch: bigint): ReadableEpoch {
  const { context } = state.group
  if (epoch === context.epoch) {
    const { secretTree } = secrets
    return {
      context,
      leafWidth: state.tree.leafWidth,
      at: -1,
      senderDataSecret: secrets.epoch.senderData,
      secretTree,
    }
  }
  const at = secrets.past.findIndex((past) => past.context.epoch === epoch)
  const past = secrets.past[at]
  check(past !== undefined, memberRules.pastEpoch)
  return { ...past, at }
}

/** The signature key at a leaf in an epoch: what the first commit after it that changed the leaf replaced. */
function signatureKeyIn(
  state: MemberState,
  secrets: MemberSecrets,
  epoch: ReadableEpoch,
  leaf: number,
): Uint8Array | undefined {
  if (leaf >= epoch.leafWidth) return undefined
  for (const past of secrets.past.slice(0, epoch.at + 1).toReversed()) {
    if (past.changed.has(leaf)) return past.changed.get(leaf)
  }
  return state.tree.hasLeaf(leaf) ? state.tree.signatureKey(leaf) : undefined
}

/** Opens application data of this epoch or one that is still kept; each message opens once. Throws MlsError. */
export function decryptApplication(state: MemberState, bytes: Uint8Array): ReceivedApplication {
  const { suite } = state
  const secrets = secretsOf(state)
  const decoded = decoding(() => decodeMlsMessage(bytes.slice()))
  check(decoded.kind === "privateMessage", rules.notApplication)
  const { message } = decoded
  check(message.contentKind === "application", rules.notApplication)
  check(equal(message.groupId, state.group.context.groupId), rules.wrongGroup)
  const epoch = findEpoch(state, secrets, message.epoch)
  const keyOf = (leaf: number) => signatureKeyIn(state, secrets, epoch, leaf)
  const opened = unprotectPrivate(suite, message, epoch, (leaf) => keyOf(leaf) !== undefined)
  const { framed, auth, next, consumed } = opened
  const sender = framed.sender.leafIndex
  const key = keyOf(sender)
  check(framed.content.kind === "application" && key !== undefined, rules.notApplication)
  const signed = toBeSigned(WireFormat.privateMessage, framed, epoch.context)
  const holds = verifyWithLabel(suite, key, "FramedContentTBS", signed, auth.signature)
  wipe(signed)
  if (!holds) {
    wipe(...opened.fresh)
    throw new MlsError(rules.messageSignature)
  }
  const past = secrets.past.map((one, i) => (i === epoch.at ? { ...one, secretTree: next } : one))
  return {
    plaintext: framed.content.data,
    sender,
    epoch: message.epoch,
    authenticatedData: message.authenticatedData,
    next: withSecrets(state, epoch.at < 0 ? { secretTree: next } : { past }),
    consumed,
  }
}
