import { CodecError, type Reader, type Writer } from "../../wire/tls.ts"
import { type Commit, readCommit, writeCommit } from "./commit.ts"
import { type Proposal, readProposal, writeProposal } from "./proposal.ts"
import { ContentType } from "./protocol.ts"

/** Who sent a message (RFC 9420 section 6). */
export type Sender =
  | { readonly kind: "member"; readonly leafIndex: number }
  | { readonly kind: "external"; readonly senderIndex: number }
  | { readonly kind: "newMemberProposal" }
  | { readonly kind: "newMemberCommit" }

const SENDER_MEMBER = 1
const SENDER_EXTERNAL = 2
const SENDER_NEW_MEMBER_PROPOSAL = 3
const SENDER_NEW_MEMBER_COMMIT = 4

function readSender(reader: Reader): Sender {
  switch (reader.u8()) {
    case SENDER_MEMBER:
      return { kind: "member", leafIndex: reader.u32() }
    case SENDER_EXTERNAL:
      return { kind: "external", senderIndex: reader.u32() }
    case SENDER_NEW_MEMBER_PROPOSAL:
      return { kind: "newMemberProposal" }
    case SENDER_NEW_MEMBER_COMMIT:
      return { kind: "newMemberCommit" }
    default:
      throw new CodecError("sender type unknown")
  }
}

function writeSender(writer: Writer, sender: Sender): void {
  if (sender.kind === "member") writer.u8(SENDER_MEMBER).u32(sender.leafIndex)
  else if (sender.kind === "external") writer.u8(SENDER_EXTERNAL).u32(sender.senderIndex)
  else writer.u8(sender.kind === "newMemberProposal" ? SENDER_NEW_MEMBER_PROPOSAL : SENDER_NEW_MEMBER_COMMIT)
}

export type Content =
  | { readonly kind: "application"; readonly data: Uint8Array }
  | { readonly kind: "proposal"; readonly proposal: Proposal }
  | { readonly kind: "commit"; readonly commit: Commit }

/** The content of a message before any protection (RFC 9420 section 6). */
export interface FramedContent {
  readonly groupId: Uint8Array
  readonly epoch: bigint
  readonly sender: Sender
  readonly authenticatedData: Uint8Array
  readonly content: Content
}

function readContent(reader: Reader): Content {
  switch (reader.u8()) {
    case ContentType.application:
      return { kind: "application", data: reader.opaque() }
    case ContentType.proposal:
      return { kind: "proposal", proposal: readProposal(reader) }
    case ContentType.commit:
      return { kind: "commit", commit: readCommit(reader) }
    default:
      throw new CodecError("content type unknown")
  }
}

function writeContent(writer: Writer, content: Content): void {
  writer.u8(ContentType[content.kind])
  if (content.kind === "application") writer.opaque(content.data)
  else if (content.kind === "proposal") writeProposal(writer, content.proposal)
  else writeCommit(writer, content.commit)
}

export function readFramedContent(reader: Reader): FramedContent {
  return {
    groupId: reader.opaque(),
    epoch: reader.u64(),
    sender: readSender(reader),
    authenticatedData: reader.opaque(),
    content: readContent(reader),
  }
}

export function writeFramedContent(writer: Writer, framed: FramedContent): void {
  writer.opaque(framed.groupId).u64(framed.epoch)
  writeSender(writer, framed.sender)
  writer.opaque(framed.authenticatedData)
  writeContent(writer, framed.content)
}

/** FramedContentAuthData (RFC 9420 section 6.1); the tag is there exactly in commits. */
export interface FramedContentAuth {
  readonly signature: Uint8Array
  readonly confirmationTag: Uint8Array | undefined
}

export function readAuth(reader: Reader, content: Content): FramedContentAuth {
  const signature = reader.opaque()
  return { signature, confirmationTag: content.kind === "commit" ? reader.opaque() : undefined }
}

export function writeAuth(writer: Writer, auth: FramedContentAuth): void {
  writer.opaque(auth.signature)
  if (auth.confirmationTag !== undefined) writer.opaque(auth.confirmationTag)
}
