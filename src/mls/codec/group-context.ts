import { CodecError, decodeAll, encodeWith, type Reader, type Writer } from "../../wire/tls.ts"
import { type Extension, readExtensions, writeExtensions } from "./extension.ts"
import { PROTOCOL_VERSION_MLS10 } from "./protocol.ts"

/** What every member of an epoch agrees on (RFC 9420 section 8.1). */
export interface GroupContext {
  readonly cipherSuite: number
  readonly groupId: Uint8Array
  readonly epoch: bigint
  readonly treeHash: Uint8Array
  readonly confirmedTranscriptHash: Uint8Array
  readonly extensions: readonly Extension[]
}

export function readGroupContext(reader: Reader): GroupContext {
  if (reader.u16() !== PROTOCOL_VERSION_MLS10) throw new CodecError("protocol version unknown")
  return {
    cipherSuite: reader.u16(),
    groupId: reader.opaque(),
    epoch: reader.u64(),
    treeHash: reader.opaque(),
    confirmedTranscriptHash: reader.opaque(),
    extensions: readExtensions(reader),
  }
}

export function writeGroupContext(writer: Writer, context: GroupContext): void {
  writer.u16(PROTOCOL_VERSION_MLS10).u16(context.cipherSuite).opaque(context.groupId).u64(context.epoch)
  writer.opaque(context.treeHash).opaque(context.confirmedTranscriptHash)
  writeExtensions(writer, context.extensions)
}

export function decodeGroupContext(bytes: Uint8Array): GroupContext {
  return decodeAll(bytes, readGroupContext)
}

export function encodeGroupContext(context: GroupContext): Uint8Array {
  return encodeWith(context, writeGroupContext)
}
