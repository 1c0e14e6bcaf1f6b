import { CodecError, decodeAll, encodeWith, type Reader, type Writer } from "../../wire/tls.ts"
import { type Proposal, readProposal, writeProposal } from "./proposal.ts"
import { readUpdatePath, type UpdatePath, writeUpdatePath } from "./update-path.ts"

/** A committed proposal, whole or by the hash of the message that carried it (RFC 9420 section 12.4). */
export type ProposalOrRef =
  | { readonly kind: "proposal"; readonly proposal: Proposal }
  | { readonly kind: "reference"; readonly reference: Uint8Array }

/** The start of a new epoch (RFC 9420 section 12.4). */
export interface Commit {
  readonly proposals: readonly ProposalOrRef[]
  readonly path: UpdatePath | undefined
}

const TYPE_PROPOSAL = 1
const TYPE_REFERENCE = 2

function readProposalOrRef(reader: Reader): ProposalOrRef {
  const type = reader.u8()
  if (type === TYPE_PROPOSAL) return { kind: "proposal", proposal: readProposal(reader) }
  if (type === TYPE_REFERENCE) return { kind: "reference", reference: reader.opaque() }
  throw new CodecError("ProposalOrRef type unknown")
}

function writeProposalOrRef(writer: Writer, value: ProposalOrRef): void {
  if (value.kind === "proposal") {
    writer.u8(TYPE_PROPOSAL)
    writeProposal(writer, value.proposal)
  } else writer.u8(TYPE_REFERENCE).opaque(value.reference)
}

export function readCommit(reader: Reader): Commit {
  return { proposals: reader.vector(readProposalOrRef), path: reader.optional(readUpdatePath) }
}

export function writeCommit(writer: Writer, commit: Commit): void {
  writer.vector(commit.proposals, writeProposalOrRef).optional(commit.path, writeUpdatePath)
}

export function decodeCommit(bytes: Uint8Array): Commit {
  return decodeAll(bytes, readCommit)
}

export function encodeCommit(commit: Commit): Uint8Array {
  return encodeWith(commit, writeCommit)
}
