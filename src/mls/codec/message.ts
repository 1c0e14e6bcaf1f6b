import { CodecError, decodeAll, encodeWith, type Reader, type Writer } from "../../wire/tls.ts"
import { type GroupInfo, readGroupInfo, writeGroupInfo } from "./group-info.ts"
import { type KeyPackage, readKeyPackage, writeKeyPackage } from "./key-package.ts"
import { type PrivateMessage, readPrivateMessage, writePrivateMessage } from "./private-message.ts"
import { PROTOCOL_VERSION_MLS10, WireFormat } from "./protocol.ts"
import { type PublicMessage, readPublicMessage, writePublicMessage } from "./public-message.ts"
import { readWelcome, type Welcome, writeWelcome } from "./welcome.ts"

/** What travels between clients (RFC 9420 section 6), in its five wire formats. */
export type MlsMessage =
  | { readonly kind: "publicMessage"; readonly message: PublicMessage }
  | { readonly kind: "privateMessage"; readonly message: PrivateMessage }
  | { readonly kind: "welcome"; readonly welcome: Welcome }
  | { readonly kind: "groupInfo"; readonly groupInfo: GroupInfo }
  | { readonly kind: "keyPackage"; readonly keyPackage: KeyPackage }

function readMlsMessage(reader: Reader): MlsMessage {
  if (reader.u16() !== PROTOCOL_VERSION_MLS10) throw new CodecError("protocol version unknown")
  switch (reader.u16()) {
    case WireFormat.publicMessage:
      return { kind: "publicMessage", message: readPublicMessage(reader) }
    case WireFormat.privateMessage:
      return { kind: "privateMessage", message: readPrivateMessage(reader) }
    case WireFormat.welcome:
      return { kind: "welcome", welcome: readWelcome(reader) }
    case WireFormat.groupInfo:
      return { kind: "groupInfo", groupInfo: readGroupInfo(reader) }
    case WireFormat.keyPackage: {
      const keyPackage = readKeyPackage(reader)
      if (keyPackage.version !== PROTOCOL_VERSION_MLS10) throw new CodecError("KeyPackage of another version")
      return { kind: "keyPackage", keyPackage }
    }
    default:
      throw new CodecError("wire format unknown")
  }
}

function writeMlsMessage(writer: Writer, message: MlsMessage): void {
  writer.u16(PROTOCOL_VERSION_MLS10).u16(WireFormat[message.kind])
  switch (message.kind) {
    case "publicMessage":
      writePublicMessage(writer, message.message)
      return
    case "privateMessage":
      writePrivateMessage(writer, message.message)
      return
    case "welcome":
      writeWelcome(writer, message.welcome)
      return
    case "groupInfo":
      writeGroupInfo(writer, message.groupInfo)
      return
    case "keyPackage":
      writeKeyPackage(writer, message.keyPackage)
      return
  }
}

/** Decodes one MLSMessage. Values are views of `bytes`. Throws CodecError. */
export function decodeMlsMessage(bytes: Uint8Array): MlsMessage {
  return decodeAll(bytes, readMlsMessage)
}

export function encodeMlsMessage(message: MlsMessage): Uint8Array {
  return encodeWith(message, writeMlsMessage)
}
