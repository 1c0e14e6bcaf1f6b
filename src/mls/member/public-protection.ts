import { concat, equalConstantTime } from "../../wire/bytes.ts"
import { Writer } from "../../wire/tls.ts"
import { encodeGroupContext, type GroupContext } from "../codec/group-context.ts"
import { PROTOCOL_VERSION_MLS10 } from "../codec/protocol.ts"
import { check } from "../error.ts"
import type { Handshake } from "../observer/handshake.ts"
import type { CipherSuite } from "../suite.ts"
import { membershipTag } from "./key-schedule.ts"
import { memberRules } from "./rules.ts"

/** PublicMessages (RFC 9420 section 6.2): readable, and from members with a tag that only members can make. */

const VERSION_BYTES = 2
const TAG_BYTES = 32

/** AuthenticatedContentTBM. */
function toBeTagged(context: GroupContext, handshake: Handshake): Uint8Array {
  const { signedBytes, authenticatedContent } = handshake
  const auth = authenticatedContent.subarray(signedBytes.length - VERSION_BYTES)
  return concat(signedBytes, encodeGroupContext(context), auth)
}

function encodePublic(handshake: Handshake, tag: Uint8Array | undefined): Uint8Array {
  check(handshake.framed.content.kind !== "application", memberRules.notHandshake)
  const writer = new Writer(handshake.authenticatedContent.length + VERSION_BYTES + 1 + TAG_BYTES)
  writer.u16(PROTOCOL_VERSION_MLS10).raw(handshake.authenticatedContent)
  if (tag !== undefined) writer.opaque(tag)
  return writer.finish()
}

/**
 * The MLSMessage of a member's signed handshake, with its membership tag. Throws MlsError on application data, which
 * never goes unencrypted (section 6).
 */
export function protectPublic(
  suite: CipherSuite,
  membershipKey: Uint8Array,
  context: GroupContext,
  handshake: Handshake,
): Uint8Array {
  return encodePublic(handshake, membershipTag(suite, membershipKey, toBeTagged(context, handshake)))
}

/** The MLSMessage of a handshake of somebody who is no member yet, which has no tag. Throws MlsError likewise. */
export function protectFromOutside(handshake: Handshake): Uint8Array {
  return encodePublic(handshake, undefined)
}

/**
 * Throws MlsError unless the tag of a PublicMessage, if its sender has to have one, is right. The signature is another
 * check (observer/handshake.ts).
 */
export function checkMembershipTag(
  suite: CipherSuite,
  membershipKey: Uint8Array,
  context: GroupContext,
  handshake: Handshake,
): void {
  if (handshake.membershipTag === undefined) return
  const expected = membershipTag(suite, membershipKey, toBeTagged(context, handshake))
  check(equalConstantTime(handshake.membershipTag, expected), memberRules.membershipTag)
}
