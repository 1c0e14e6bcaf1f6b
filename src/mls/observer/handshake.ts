import { concat, equal } from "../../wire/bytes.ts"
import { decodeAll, Writer } from "../../wire/tls.ts"
import {
  type FramedContent,
  type FramedContentAuth,
  readFramedContent,
  writeFramedContent,
} from "../codec/framing.ts"
import { encodeGroupContext, type GroupContext, writeGroupContext } from "../codec/group-context.ts"
import { PROTOCOL_VERSION_MLS10, SUITE_HASH_BYTES, WireFormat } from "../codec/protocol.ts"
import { check, decoding } from "../error.ts"
import { verifyWithLabel } from "../labels.ts"
import { rules } from "../rules.ts"
import type { CipherSuite } from "../suite.ts"

/** A proposal or commit together with the stretches of bytes that are hashed and signed. */
export interface Handshake {
  readonly framed: FramedContent
  readonly signature: Uint8Array
  /** There exactly in commits. */
  readonly confirmationTag: Uint8Array | undefined
  /** There exactly in PublicMessages of members. */
  readonly membershipTag: Uint8Array | undefined
  /** The MLSMessage up to the end of the FramedContent: FramedContentTBS without the context (section 6.1). */
  readonly signedBytes: Uint8Array
  /** Wire format, FramedContent and signature: ConfirmedTranscriptHashInput of a commit (section 8.2). */
  readonly transcriptInput: Uint8Array
  /** Wire format, FramedContent and authentication data: AuthenticatedContent (section 6). */
  readonly authenticatedContent: Uint8Array
}

const VERSION_BYTES = 2

/** A handshake that did not come, or will not go, as the bytes of a PublicMessage. */
export function composeHandshake(
  wireFormat: number,
  framed: FramedContent,
  auth: FramedContentAuth,
): Handshake {
  const writer = new Writer(512).u16(PROTOCOL_VERSION_MLS10).u16(wireFormat)
  writeFramedContent(writer, framed)
  const contentEnd = writer.length
  writer.opaque(auth.signature)
  const signatureEnd = writer.length
  const { signature, confirmationTag } = auth
  if (confirmationTag !== undefined) writer.opaque(confirmationTag)
  const bytes = writer.finish()
  return {
    framed,
    signature,
    confirmationTag,
    membershipTag: undefined,
    signedBytes: bytes.subarray(0, contentEnd),
    transcriptInput: bytes.subarray(VERSION_BYTES, signatureEnd),
    authenticatedContent: bytes.subarray(VERSION_BYTES),
  }
}

function signsContext(framed: FramedContent): boolean {
  const { kind } = framed.sender
  return kind === "member" || kind === "newMemberCommit"
}

/** FramedContentTBS (RFC 9420 section 6.1), the only copy of the content that is left here. */
export function toBeSigned(wireFormat: number, framed: FramedContent, context: GroupContext): Uint8Array {
  const writer = new Writer(1024).u16(PROTOCOL_VERSION_MLS10).u16(wireFormat)
  writeFramedContent(writer, framed)
  if (signsContext(framed)) writeGroupContext(writer, context)
  const bytes = writer.finish()
  writer.wipe()
  return bytes
}

/** Decodes an MLSMessage that has to be a PublicMessage; values are views of `bytes`. Throws MlsError. */
export function decodeHandshake(bytes: Uint8Array): Handshake {
  return decoding(() =>
    decodeAll(bytes, (reader) => {
      check(reader.u16() === PROTOCOL_VERSION_MLS10, rules.malformed)
      check(reader.u16() === WireFormat.publicMessage, rules.notPublicMessage)
      const framed = readFramedContent(reader)
      const contentEnd = reader.offset
      const signature = reader.opaque()
      const signatureEnd = reader.offset
      const confirmationTag = framed.content.kind === "commit" ? reader.opaque() : undefined
      check((confirmationTag?.length ?? SUITE_HASH_BYTES) === SUITE_HASH_BYTES, rules.tagLength)
      const authEnd = reader.offset
      const membershipTag = framed.sender.kind === "member" ? reader.opaque() : undefined
      check((membershipTag?.length ?? SUITE_HASH_BYTES) === SUITE_HASH_BYTES, rules.tagLength)
      return {
        framed,
        signature,
        confirmationTag,
        membershipTag,
        signedBytes: bytes.subarray(0, contentEnd),
        transcriptInput: bytes.subarray(VERSION_BYTES, signatureEnd),
        authenticatedContent: bytes.subarray(VERSION_BYTES, authEnd),
      }
    }),
  )
}

/** Throws MlsError unless the message is for this group and its current epoch. */
export function checkEpoch(context: GroupContext, handshake: Handshake): void {
  check(equal(handshake.framed.groupId, context.groupId), rules.wrongGroup)
  check(handshake.framed.epoch === context.epoch, rules.wrongEpoch)
}

/**
 * Throws MlsError unless the message is signed with `key` (RFC 9420 section 6.1). The context is signed by members and by
 * those who join through the commit.
 */
export function checkSignature(
  suite: CipherSuite,
  context: GroupContext,
  handshake: Handshake,
  key: Uint8Array,
): void {
  const signed = signsContext(handshake.framed)
    ? concat(handshake.signedBytes, encodeGroupContext(context))
    : handshake.signedBytes
  const holds = verifyWithLabel(suite, key, "FramedContentTBS", signed, handshake.signature)
  check(holds, rules.messageSignature)
}
