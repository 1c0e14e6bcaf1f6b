import { wipe } from "../../crypto/wipe.ts"
import { equal } from "../../wire/bytes.ts"
import type { FramedContent } from "../codec/framing.ts"
import { decodeMlsMessage, encodeMlsMessage } from "../codec/message.ts"
import { WireFormat } from "../codec/protocol.ts"
import { check, decoding } from "../error.ts"
import { checkEpoch, composeHandshake, decodeHandshake, type Handshake } from "../observer/handshake.ts"
import { rules } from "../rules.ts"
import { type MessageSecrets, protectPrivate, unprotectPrivate } from "./message-protection.ts"
import { paddedLength } from "./padding.ts"
import { checkMembershipTag, protectPublic } from "./public-protection.ts"
import { memberRules } from "./rules.ts"
import { type MemberState, secretsOf, withSecrets } from "./state.ts"

/** How handshakes travel: signed, tagged and readable, or encrypted. */

/** A handshake on the wire with what sending it used up. */
export interface SentHandshake {
  readonly message: Uint8Array
  readonly next: MemberState
  readonly consumed: readonly Uint8Array[]
}

/** Protects an own handshake as a PublicMessage or, `encrypted`, as a PrivateMessage. */
export function protectHandshake(
  state: MemberState,
  handshake: Handshake,
  encrypted: boolean,
): SentHandshake {
  if (encrypted) return encryptHandshake(state, handshake)
  const { suite, group } = state
  const key = secretsOf(state).epoch.membership
  return { message: protectPublic(suite, key, group.context, handshake), next: state, consumed: [] }
}

/** A handshake of somebody else, authenticated, with what opening it used up. */
export interface OpenedHandshake {
  readonly handshake: Handshake
  readonly next: MemberState
  readonly consumed: readonly Uint8Array[]
}

/**
 * Opens a handshake for the current epoch and does with it what `use` does. If either refuses it, its plaintext and the
 * secrets that were derived for its decryption alone are overwritten. Throws MlsError.
 */
export function withHandshake<T>(
  state: MemberState,
  message: Uint8Array,
  use: (opened: OpenedHandshake) => T,
): T {
  const { fresh, ...opened } = isPrivate(message)
    ? decryptHandshake(state, message)
    : { handshake: decodeHandshake(message), next: state, consumed: [], fresh: [] }
  try {
    const { handshake } = opened
    const { sender } = handshake.framed
    checkEpoch(state.group.context, handshake)
    if (isPrivate(message)) checkMayBeEncrypted(handshake.framed)
    check(!(sender.kind === "member" && sender.leafIndex === state.leaf), memberRules.ownMessage)
    checkMembershipTag(state.suite, secretsOf(state).epoch.membership, state.group.context, handshake)
    return use(opened)
  } catch (error) {
    wipe(...fresh)
    throw error
  }
}

function checkMayBeEncrypted({ content }: FramedContent): void {
  const leaves = content.kind === "proposal" && content.proposal.kind === "selfRemove"
  check(!leaves, memberRules.selfRemoveEncrypted)
}

function isPrivate(message: Uint8Array): boolean {
  return message.length >= 4 && message[2] === 0 && message[3] === WireFormat.privateMessage
}

function messageSecrets(state: MemberState): MessageSecrets {
  const { epoch, secretTree } = secretsOf(state)
  return { senderDataSecret: epoch.senderData, secretTree }
}

function encryptHandshake(state: MemberState, handshake: Handshake): SentHandshake {
  const { framed, signature, confirmationTag } = handshake
  const { sender } = framed
  checkMayBeEncrypted(framed)
  check(sender.kind === "member", rules.senderType)
  const auth = { signature, confirmationTag }
  const own = { ...framed, sender }
  const { message, next, consumed } = protectPrivate(
    state.suite,
    own,
    auth,
    messageSecrets(state),
    paddedLength,
  )
  return {
    message: encodeMlsMessage({ kind: "privateMessage", message }),
    next: withSecrets(state, { secretTree: next }),
    consumed,
  }
}

function decryptHandshake(
  state: MemberState,
  bytes: Uint8Array,
): OpenedHandshake & { readonly fresh: readonly Uint8Array[] } {
  const decoded = decoding(() => decodeMlsMessage(bytes))
  check(decoded.kind === "privateMessage", memberRules.notHandshake)
  const { message } = decoded
  check(message.contentKind !== "application", memberRules.notHandshake)
  const { suite, tree } = state
  const { context } = state.group
  check(equal(message.groupId, context.groupId), rules.wrongGroup)
  check(message.epoch === context.epoch, rules.wrongEpoch)
  const opened = unprotectPrivate(suite, message, messageSecrets(state), (leaf) => tree.hasLeaf(leaf))
  const handshake = composeHandshake(WireFormat.privateMessage, opened.framed, opened.auth)
  return {
    handshake,
    next: withSecrets(state, { secretTree: opened.next }),
    consumed: opened.consumed,
    fresh: [...opened.fresh, handshake.authenticatedContent],
  }
}
