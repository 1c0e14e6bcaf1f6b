import { nativeCrypto } from "../../src/crypto/native.ts"
import { decodeCommit, encodeCommit } from "../../src/mls/codec/commit.ts"
import { readAuth, readFramedContent } from "../../src/mls/codec/framing.ts"
import { decodeMlsMessage, encodeMlsMessage, type MlsMessage } from "../../src/mls/codec/message.ts"
import { decodeProposal, encodeProposal } from "../../src/mls/codec/proposal.ts"
import { ProposalType } from "../../src/mls/codec/protocol.ts"
import { decodeGroupSecrets, encodeGroupSecrets } from "../../src/mls/codec/welcome.ts"
import { confirmedTranscriptHash, interimTranscriptHash } from "../../src/mls/group/transcript.ts"
import {
  decryptWithLabel,
  deriveSecret,
  deriveTreeSecret,
  encryptWithLabel,
  expandWithLabel,
  refHash,
  signWithLabel,
  verifyWithLabel,
} from "../../src/mls/labels.ts"
import type { CipherSuite } from "../../src/mls/suite.ts"
import { suite1 } from "../../src/mls/suites/suite1.ts"
import { FlatTree } from "../../src/mls/tree/flat-tree.ts"
import { concat } from "../../src/wire/bytes.ts"
import { Reader, Writer } from "../../src/wire/tls.ts"
import { ensure, ensureEqual } from "./check.ts"
import { hex, integer, object, text } from "./field.ts"
import { forSuite, reportCase } from "./mls-case.ts"
import { arraySuite, type JsonObject, type VectorSuite } from "./suite.ts"

/** RFC 9420's vectors about encodings, labelled primitives and transcript hashes. */

const MESSAGES: Readonly<Record<string, MlsMessage["kind"]>> = {
  mls_welcome: "welcome",
  mls_group_info: "groupInfo",
  mls_key_package: "keyPackage",
  public_message_application: "publicMessage",
  public_message_proposal: "publicMessage",
  public_message_commit: "publicMessage",
  private_message: "privateMessage",
}

const PROPOSALS: Readonly<Record<string, number>> = {
  add_proposal: ProposalType.add,
  update_proposal: ProposalType.update,
  remove_proposal: ProposalType.remove,
  pre_shared_key_proposal: ProposalType.psk,
  re_init_proposal: ProposalType.reInit,
  external_init_proposal: ProposalType.externalInit,
  group_context_extensions_proposal: ProposalType.groupContextExtensions,
}

function checkMessages(item: JsonObject): void {
  for (const [field, kind] of Object.entries(MESSAGES)) {
    const bytes = hex(item, field)
    const message = decodeMlsMessage(bytes)
    ensure(message.kind === kind, `${field} is of another kind`)
    ensureEqual(encodeMlsMessage(message), bytes, field)
  }
  for (const [field, type] of Object.entries(PROPOSALS)) {
    const bytes = concat(new Writer().u16(type).finish(), hex(item, field))
    ensureEqual(encodeProposal(decodeProposal(bytes)), bytes, field)
  }
  const [commit, secrets, tree] = [hex(item, "commit"), hex(item, "group_secrets"), hex(item, "ratchet_tree")]
  ensureEqual(encodeCommit(decodeCommit(commit)), commit, "commit")
  ensureEqual(encodeGroupSecrets(decodeGroupSecrets(secrets)), secrets, "group_secrets")
  ensureEqual(FlatTree.decode(suite1(nativeCrypto), tree).encode(), tree, "ratchet_tree")
}

function checkHeader(item: JsonObject): void {
  const reader = new Reader(hex(item, "vlbytes_header"))
  ensure(reader.vectorHeader() === integer(item, "length"), "length differs")
  reader.end()
  const written = new Writer().vectorHeader(integer(item, "length"))
  ensureEqual(written.finish(), hex(item, "vlbytes_header"), "header")
}

function checkTranscript(suite: CipherSuite, item: JsonObject): void {
  const bytes = hex(item, "authenticated_content")
  const reader = new Reader(bytes)
  reader.u16()
  const framed = readFramedContent(reader)
  const start = reader.offset
  reader.opaque()
  const signatureEnd = reader.offset
  const rest = new Reader(bytes.subarray(start))
  const { confirmationTag } = readAuth(rest, framed.content)
  rest.end()
  ensure(confirmationTag !== undefined, "no commit")
  const before = hex(item, "interim_transcript_hash_before")
  const confirmed = confirmedTranscriptHash(suite, before, bytes.subarray(0, signatureEnd))
  ensureEqual(confirmed, hex(item, "confirmed_transcript_hash_after"), "confirmed transcript hash")
  const interim = interimTranscriptHash(suite, confirmed, confirmationTag)
  ensureEqual(interim, hex(item, "interim_transcript_hash_after"), "interim transcript hash")
  ensureEqual(suite.mac(hex(item, "confirmation_key"), confirmed), confirmationTag, "confirmation tag")
}

function checkPrimitives(suite: CipherSuite, item: JsonObject): void {
  const ref = object(item, "ref_hash")
  ensureEqual(refHash(suite, text(ref, "label"), hex(ref, "value")), hex(ref, "out"), "RefHash")

  const expand = object(item, "expand_with_label")
  const [secret, label, context] = [hex(expand, "secret"), text(expand, "label"), hex(expand, "context")]
  const expanded = expandWithLabel(suite, secret, label, context, integer(expand, "length"))
  ensureEqual(expanded, hex(expand, "out"), "ExpandWithLabel")

  const derive = object(item, "derive_secret")
  const derived = deriveSecret(suite, hex(derive, "secret"), text(derive, "label"))
  ensureEqual(derived, hex(derive, "out"), "DeriveSecret")

  const tree = object(item, "derive_tree_secret")
  const [generation, length] = [integer(tree, "generation"), integer(tree, "length")]
  const treeSecret = deriveTreeSecret(suite, hex(tree, "secret"), text(tree, "label"), generation, length)
  ensureEqual(treeSecret, hex(tree, "out"), "DeriveTreeSecret")
  checkSigning(suite, object(item, "sign_with_label"))
  checkEncryption(suite, object(item, "encrypt_with_label"))
}

function checkSigning(suite: CipherSuite, item: JsonObject): void {
  const [publicKey, label, content] = [hex(item, "pub"), text(item, "label"), hex(item, "content")]
  const own = signWithLabel(suite, hex(item, "priv"), label, content)
  for (const signature of [hex(item, "signature"), own]) {
    ensure(verifyWithLabel(suite, publicKey, label, content, signature), "VerifyWithLabel refuses")
  }
  ensure(!verifyWithLabel(suite, publicKey, `${label}x`, content, own), "VerifyWithLabel ignores the label")
}

function checkEncryption(suite: CipherSuite, item: JsonObject): void {
  const [secretKey, label, context] = [hex(item, "priv"), text(item, "label"), hex(item, "context")]
  const plaintext = hex(item, "plaintext")
  const given = { kemOutput: hex(item, "kem_output"), ciphertext: hex(item, "ciphertext") }
  const own = encryptWithLabel(suite, hex(item, "pub"), label, context, plaintext)
  for (const sealed of [given, own]) {
    const opened = decryptWithLabel(suite, secretKey, label, context, sealed)
    ensureEqual(opened, plaintext, "DecryptWithLabel")
  }
}

export const mlsMessageSuites: readonly VectorSuite[] = [
  arraySuite("MLS messages", ["mls_welcome", "ratchet_tree", "private_message"], (item, caseName, report) =>
    reportCase(caseName, report, () => checkMessages(item)),
  ),
  arraySuite("MLS deserialization", ["vlbytes_header", "length"], (item, caseName, report) =>
    reportCase(caseName, report, () => checkHeader(item)),
  ),
  arraySuite(
    "MLS transcript hashes",
    ["confirmation_key", "authenticated_content", "interim_transcript_hash_before"],
    forSuite(checkTranscript),
  ),
  arraySuite(
    "MLS crypto basics",
    ["ref_hash", "expand_with_label", "sign_with_label"],
    forSuite(checkPrimitives),
  ),
]
