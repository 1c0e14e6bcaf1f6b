import { CodecError, decodeAll, encodeWith, type Reader, type Writer } from "../../wire/tls.ts"
import { type Extension, readExtensions, writeExtensions } from "./extension.ts"
import { type KeyPackage, readKeyPackage, writeKeyPackage } from "./key-package.ts"
import { type LeafNode, readLeafNode, writeLeafNode } from "./leaf-node.ts"
import { ProposalType } from "./protocol.ts"
import { type PreSharedKeyId, readPreSharedKeyId, writePreSharedKeyId } from "./psk.ts"

/**
 * A change to a group (RFC 9420 section 12.1). A type without a definition has no known length and is refused; no
 * type is ever treated as another one.
 */
export type Proposal =
  | { readonly kind: "add"; readonly keyPackage: KeyPackage }
  | { readonly kind: "update"; readonly leafNode: LeafNode }
  | { readonly kind: "remove"; readonly removed: number }
  | { readonly kind: "psk"; readonly psk: PreSharedKeyId }
  | {
      readonly kind: "reInit"
      readonly groupId: Uint8Array
      readonly version: number
      readonly cipherSuite: number
      readonly extensions: readonly Extension[]
    }
  | { readonly kind: "externalInit"; readonly kemOutput: Uint8Array }
  | { readonly kind: "groupContextExtensions"; readonly extensions: readonly Extension[] }

export function readProposal(reader: Reader): Proposal {
  switch (reader.u16()) {
    case ProposalType.add:
      return { kind: "add", keyPackage: readKeyPackage(reader) }
    case ProposalType.update:
      return { kind: "update", leafNode: readLeafNode(reader) }
    case ProposalType.remove:
      return { kind: "remove", removed: reader.u32() }
    case ProposalType.psk:
      return { kind: "psk", psk: readPreSharedKeyId(reader) }
    case ProposalType.reInit:
      return {
        kind: "reInit",
        groupId: reader.opaque(),
        version: reader.u16(),
        cipherSuite: reader.u16(),
        extensions: readExtensions(reader),
      }
    case ProposalType.externalInit:
      return { kind: "externalInit", kemOutput: reader.opaque() }
    case ProposalType.groupContextExtensions:
      return { kind: "groupContextExtensions", extensions: readExtensions(reader) }
    default:
      throw new CodecError("proposal type unknown")
  }
}

export function writeProposal(writer: Writer, proposal: Proposal): void {
  writer.u16(ProposalType[proposal.kind])
  switch (proposal.kind) {
    case "add":
      writeKeyPackage(writer, proposal.keyPackage)
      return
    case "update":
      writeLeafNode(writer, proposal.leafNode)
      return
    case "remove":
      writer.u32(proposal.removed)
      return
    case "psk":
      writePreSharedKeyId(writer, proposal.psk)
      return
    case "reInit":
      writer.opaque(proposal.groupId).u16(proposal.version).u16(proposal.cipherSuite)
      writeExtensions(writer, proposal.extensions)
      return
    case "externalInit":
      writer.opaque(proposal.kemOutput)
      return
    case "groupContextExtensions":
      writeExtensions(writer, proposal.extensions)
      return
  }
}

export function decodeProposal(bytes: Uint8Array): Proposal {
  return decodeAll(bytes, readProposal)
}

export function encodeProposal(proposal: Proposal): Uint8Array {
  return encodeWith(proposal, writeProposal)
}
