import { decodeAll, encodeWith, type Reader, type Writer } from "../../wire/tls.ts"
import { type Extension, readExtensions, writeExtensions } from "./extension.ts"
import { type GroupContext, readGroupContext, writeGroupContext } from "./group-context.ts"

/** What someone needs to join an epoch, signed by the member at leaf `signer` (RFC 9420 section 12.4.3). */
export interface GroupInfo {
  readonly groupContext: GroupContext
  readonly extensions: readonly Extension[]
  readonly confirmationTag: Uint8Array
  readonly signer: number
  readonly signature: Uint8Array
}

export function readGroupInfo(reader: Reader): GroupInfo {
  return {
    groupContext: readGroupContext(reader),
    extensions: readExtensions(reader),
    confirmationTag: reader.opaque(),
    signer: reader.u32(),
    signature: reader.opaque(),
  }
}

function writeUnsigned(writer: Writer, info: Omit<GroupInfo, "signature">): void {
  writeGroupContext(writer, info.groupContext)
  writeExtensions(writer, info.extensions)
  writer.opaque(info.confirmationTag).u32(info.signer)
}

export function writeGroupInfo(writer: Writer, info: GroupInfo): void {
  writeUnsigned(writer, info)
  writer.opaque(info.signature)
}

/** Decodes a bare GroupInfo (not one inside an MLSMessage). Throws CodecError. */
export function decodeGroupInfo(bytes: Uint8Array): GroupInfo {
  return decodeAll(bytes, readGroupInfo)
}

export function encodeGroupInfo(info: GroupInfo): Uint8Array {
  return encodeWith(info, writeGroupInfo)
}

/** GroupInfoTBS: what the GroupInfo's signature covers. */
export function groupInfoToBeSigned(info: Omit<GroupInfo, "signature">): Uint8Array {
  return encodeWith(info, writeUnsigned)
}
