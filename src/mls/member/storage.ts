import { toHex } from "../../wire/bytes.ts"
import { decodeAll, type Reader, Writer } from "../../wire/tls.ts"
import { readFramedContent, writeFramedContent } from "../codec/framing.ts"
import { type GroupContext, readGroupContext, writeGroupContext } from "../codec/group-context.ts"
import { type ReInit, readProposal, writeProposal } from "../codec/proposal.ts"
import { check, decoding } from "../error.ts"
import type { AuthenticatedProposal } from "../observer/proposal.ts"
import { readPublicGroupState, writePublicGroupState } from "../observer/state.ts"
import type { CipherSuite } from "../suite.ts"
import { FlatTree } from "../tree/flat-tree.ts"
import type { EpochSecrets } from "./key-schedule.ts"
import { PrivateTree } from "./private-tree.ts"
import type { ResumptionPsk } from "./psks.ts"
import { memberRules } from "./rules.ts"
import { SecretTree } from "./secret-tree.ts"
import type { MemberSecrets, MemberState, PastEpoch, PendingUpdate } from "./state.ts"

/** A member as bytes: everything, secrets included, in TLS presentation language. */

const VERSION = 1

const EPOCH_SECRETS = [
  "senderData",
  "encryption",
  "exporter",
  "external",
  "confirmation",
  "membership",
  "resumption",
  "authenticator",
  "init",
] as const satisfies readonly (keyof EpochSecrets)[]

function writeProposalOf(writer: Writer, context: GroupContext, proposal: AuthenticatedProposal): void {
  writer.opaque(proposal.ref)
  writeFramedContent(writer, {
    groupId: context.groupId,
    epoch: context.epoch,
    sender: proposal.sender,
    authenticatedData: proposal.authenticatedData,
    content: { kind: "proposal", proposal: proposal.proposal },
  })
}

function readProposalOf(reader: Reader): readonly [string, AuthenticatedProposal] {
  const ref = reader.opaque()
  const { sender, authenticatedData, content } = readFramedContent(reader)
  check(content.kind === "proposal", memberRules.memberState)
  return [toHex(ref), { ref, sender, authenticatedData, proposal: content.proposal }]
}

function writeUpdate(writer: Writer, update: PendingUpdate): void {
  writer.opaque(update.encryptionKey).opaque(update.encryptionSecretKey).opaque(update.signatureSecret)
}

function readUpdate(reader: Reader): PendingUpdate {
  return {
    encryptionKey: reader.opaque(),
    encryptionSecretKey: reader.opaque(),
    signatureSecret: reader.opaque(),
  }
}

function writePast(writer: Writer, past: PastEpoch): void {
  writeGroupContext(writer, past.context)
  writer.u32(past.leafWidth)
  writer.vector(past.changed, (w, [leaf, key]) => w.u32(leaf).optional(key, (v, bytes) => v.opaque(bytes)))
  writeSecretTree(writer.opaque(past.senderDataSecret), past.secretTree)
}

function readPast(reader: Reader, suite: CipherSuite): PastEpoch {
  return {
    context: readGroupContext(reader),
    leafWidth: reader.u32(),
    changed: new Map(reader.vector((r) => [r.u32(), r.optional((o) => o.opaque())] as const)),
    senderDataSecret: reader.opaque(),
    secretTree: SecretTree.restore(suite, reader.opaque()),
  }
}

function writeSecretTree(writer: Writer, tree: SecretTree): void {
  const bytes = tree.serialize()
  writer.opaque(bytes)
  bytes.fill(0)
}

function writeResumption(writer: Writer, { epoch, psk }: ResumptionPsk): void {
  writer.u64(epoch).opaque(psk)
}

function writeSecrets(writer: Writer, secrets: MemberSecrets, context: GroupContext): void {
  secrets.privateTree.write(writer)
  for (const name of EPOCH_SECRETS) writer.opaque(secrets.epoch[name])
  writeSecretTree(writer, secrets.secretTree)
  writer.vector(secrets.proposals.values(), (w, proposal) => writeProposalOf(w, context, proposal))
  writer.vector(secrets.updates, writeUpdate).vector(secrets.past, writePast)
  writer.vector(secrets.resumptions, writeResumption)
}

function readEpochSecrets(reader: Reader): EpochSecrets {
  const secrets: Partial<Record<keyof EpochSecrets, Uint8Array>> = {}
  for (const name of EPOCH_SECRETS) secrets[name] = reader.opaque()
  return secrets as EpochSecrets
}

function readSecrets(reader: Reader, suite: CipherSuite): MemberSecrets {
  return {
    privateTree: PrivateTree.read(reader),
    epoch: readEpochSecrets(reader),
    secretTree: SecretTree.restore(suite, reader.opaque()),
    proposals: new Map(reader.vector(readProposalOf)),
    updates: reader.vector(readUpdate),
    past: reader.vector((r) => readPast(r, suite)),
    resumptions: reader.vector((r) => ({ epoch: r.u64(), psk: r.opaque() })),
  }
}

/** The member as bytes, secrets included; the caller's to wipe. */
export function serializeMember(state: MemberState): Uint8Array {
  const writer = new Writer(4096).u8(VERSION).u16(state.suite.id)
  writePublicGroupState(writer, state.group)
  writer.opaque(state.tree.snapshot()).u32(state.leaf).opaque(state.signatureSecret)
  writer.optional(state.reInit, writeProposal)
  writer.optional(state.secrets, (w, secrets) => writeSecrets(w, secrets, state.group.context))
  const bytes = writer.finish()
  writer.wipe()
  return bytes
}

/** The reverse of {@link serializeMember}; shares nothing with `bytes`. Throws MlsError. */
export function restoreMember(suite: CipherSuite, bytes: Uint8Array): MemberState {
  return decoding(
    () => decodeAll(bytes.slice(), (reader) => readMember(reader, suite)),
    memberRules.memberState,
  )
}

function readReInit(reader: Reader): ReInit {
  const proposal = readProposal(reader)
  check(proposal.kind === "reInit", memberRules.memberState)
  return proposal
}

function readMember(reader: Reader, suite: CipherSuite): MemberState {
  check(reader.u8() === VERSION && reader.u16() === suite.id, memberRules.memberState)
  return {
    suite,
    group: readPublicGroupState(reader),
    tree: FlatTree.load(reader.opaque()),
    leaf: reader.u32(),
    signatureSecret: reader.opaque(),
    reInit: reader.optional(readReInit),
    secrets: reader.optional((r) => readSecrets(r, suite)),
  }
}
