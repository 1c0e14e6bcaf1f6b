import type { Reader, Writer } from "../../wire/tls.ts"
import {
  type FramedContent,
  type FramedContentAuth,
  readAuth,
  readFramedContent,
  writeAuth,
  writeFramedContent,
} from "./framing.ts"

/** A signed, unencrypted message (RFC 9420 section 6.2); the membership tag is there exactly from members. */
export interface PublicMessage {
  readonly framed: FramedContent
  readonly auth: FramedContentAuth
  readonly membershipTag: Uint8Array | undefined
}

export function readPublicMessage(reader: Reader): PublicMessage {
  const framed = readFramedContent(reader)
  const auth = readAuth(reader, framed.content)
  return { framed, auth, membershipTag: framed.sender.kind === "member" ? reader.opaque() : undefined }
}

export function writePublicMessage(writer: Writer, message: PublicMessage): void {
  writeFramedContent(writer, message.framed)
  writeAuth(writer, message.auth)
  if (message.membershipTag !== undefined) writer.opaque(message.membershipTag)
}
