import { CodecError, type Reader, type Writer } from "../../wire/tls.ts"
import type { Content } from "./framing.ts"
import { ContentType } from "./protocol.ts"

/** An encrypted message (RFC 9420 section 6.3). */
export interface PrivateMessage {
  readonly groupId: Uint8Array
  readonly epoch: bigint
  readonly contentKind: Content["kind"]
  readonly authenticatedData: Uint8Array
  readonly encryptedSenderData: Uint8Array
  readonly ciphertext: Uint8Array
}

const KINDS: readonly (Content["kind"] | undefined)[] = [undefined, "application", "proposal", "commit"]

function readContentKind(reader: Reader): Content["kind"] {
  const kind = KINDS[reader.u8()]
  if (kind === undefined) throw new CodecError("content type unknown")
  return kind
}

export function readPrivateMessage(reader: Reader): PrivateMessage {
  return {
    groupId: reader.opaque(),
    epoch: reader.u64(),
    contentKind: readContentKind(reader),
    authenticatedData: reader.opaque(),
    encryptedSenderData: reader.opaque(),
    ciphertext: reader.opaque(),
  }
}

export function writePrivateMessage(writer: Writer, message: PrivateMessage): void {
  writer.opaque(message.groupId).u64(message.epoch).u8(ContentType[message.contentKind])
  writer.opaque(message.authenticatedData).opaque(message.encryptedSenderData).opaque(message.ciphertext)
}
