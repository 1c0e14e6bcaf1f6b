import { CodecError, decodeAll, encodeWith, type Reader, type Writer } from "../../wire/tls.ts"
import { type Extension, readExtensions, writeExtensions } from "./extension.ts"
import { type KeyPackage, readKeyPackage, writeKeyPackage } from "./key-package.ts"
import { type LeafNode, readLeafNode, writeLeafNode } from "./leaf-node.ts"
import { PRIVATE_USE_FIRST, ProposalType } from "./protocol.ts"
import { type PreSharedKeyId, readPreSharedKeyId, writePreSharedKeyId } from "./psk.ts"

/** The group ends, and another one with these parameters takes its place (RFC 9420 section 12.1.5). */
export interface ReInit {
  readonly kind: "reInit"
  readonly groupId: Uint8Array
  readonly version: number
  readonly cipherSuite: number
  readonly extensions: readonly Extension[]
}

/** A change that an application has defined for itself, under a type for private use. */
export interface CustomProposal {
  readonly kind: "custom"
  /** At least {@link PRIVATE_USE_FIRST}. */
  readonly type: number
  readonly payload: Uint8Array
}

/**
 * A change to a group (RFC 9420 section 12.1). A type without a definition has no known length and is refused; no
 * type is ever treated as another one. Types for private use are taken to be one `opaque<V>`, as other implementations
 * have them too. SelfRemove is of draft-ietf-mls-extensions (section 6.3).
 */
export type Proposal =
  | { readonly kind: "add"; readonly keyPackage: KeyPackage }
  | { readonly kind: "update"; readonly leafNode: LeafNode }
  | { readonly kind: "remove"; readonly removed: number }
  | { readonly kind: "psk"; readonly psk: PreSharedKeyId }
  | ReInit
  | { readonly kind: "externalInit"; readonly kemOutput: Uint8Array }
  | { readonly kind: "groupContextExtensions"; readonly extensions: readonly Extension[] }
  | { readonly kind: "selfRemove" }
  | CustomProposal

/** The number of a proposal's type (RFC 9420 section 17.4). */
export function proposalType(proposal: Proposal): number {
  return proposal.kind === "custom" ? proposal.type : ProposalType[proposal.kind]
}

export function readProposal(reader: Reader): Proposal {
  const type = reader.u16()
  switch (type) {
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
    case ProposalType.selfRemove:
      return { kind: "selfRemove" }
    default:
      if (type < PRIVATE_USE_FIRST) throw new CodecError("proposal type unknown")
      return { kind: "custom", type, payload: reader.opaque() }
  }
}

export function writeProposal(writer: Writer, proposal: Proposal): void {
  writer.u16(proposalType(proposal))
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
    case "selfRemove":
      return
    case "custom":
      writer.opaque(proposal.payload)
      return
  }
}

export function decodeProposal(bytes: Uint8Array): Proposal {
  return decodeAll(bytes, readProposal)
}

export function encodeProposal(proposal: Proposal): Uint8Array {
  return encodeWith(proposal, writeProposal)
}
