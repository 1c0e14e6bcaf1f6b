import { decodeCommit, encodeCommit } from "../../src/mls/codec/commit.ts"
import type { Content, FramedContent, FramedContentAuth } from "../../src/mls/codec/framing.ts"
import type { GroupContext } from "../../src/mls/codec/group-context.ts"
import { decodeMlsMessage } from "../../src/mls/codec/message.ts"
import { decodeProposal, encodeProposal } from "../../src/mls/codec/proposal.ts"
import { WireFormat } from "../../src/mls/codec/protocol.ts"
import { signWithLabel, verifyWithLabel } from "../../src/mls/labels.ts"
import { protectPrivate, unprotectPrivate } from "../../src/mls/member/message-protection.ts"
import { paddedLength } from "../../src/mls/member/padding.ts"
import { checkMembershipTag, protectPublic } from "../../src/mls/member/public-protection.ts"
import { SecretTree } from "../../src/mls/member/secret-tree.ts"
import {
  checkSignature,
  composeHandshake,
  decodeHandshake,
  toBeSigned,
} from "../../src/mls/observer/handshake.ts"
import type { CipherSuite } from "../../src/mls/suite.ts"
import { ensure, ensureEqual } from "./check.ts"
import { hex, integer } from "./field.ts"
import { forSuite } from "./mls-case.ts"
import { arraySuite, type JsonObject, type VectorSuite } from "./suite.ts"

/** RFC 9420's vectors about the protection of messages. */

const MEMBERS = 2
const SENDER = 1
/** The vectors' commits are signed without a confirmation tag that means anything. */
const CONFIRMATION_TAG = new Uint8Array(32)

function contextOf(suite: CipherSuite, item: JsonObject): GroupContext {
  return {
    cipherSuite: suite.id,
    groupId: hex(item, "group_id"),
    epoch: BigInt(integer(item, "epoch")),
    treeHash: hex(item, "tree_hash"),
    confirmedTranscriptHash: hex(item, "confirmed_transcript_hash"),
    extensions: [],
  }
}

function contentOf(kind: Content["kind"], bytes: Uint8Array): Content {
  if (kind === "application") return { kind, data: bytes }
  if (kind === "proposal") return { kind, proposal: decodeProposal(bytes) }
  return { kind, commit: decodeCommit(bytes) }
}

function bytesOf(content: Content): Uint8Array {
  if (content.kind === "application") return content.data
  return content.kind === "proposal" ? encodeProposal(content.proposal) : encodeCommit(content.commit)
}

type OwnContent = FramedContent & { readonly sender: { readonly kind: "member"; readonly leafIndex: number } }

class Case {
  readonly #context: GroupContext

  constructor(
    private readonly suite: CipherSuite,
    private readonly item: JsonObject,
    private readonly kind: Content["kind"],
  ) {
    this.#context = contextOf(suite, item)
  }

  #framed(): OwnContent {
    const { groupId, epoch } = this.#context
    return {
      groupId,
      epoch,
      sender: { kind: "member", leafIndex: SENDER },
      authenticatedData: new Uint8Array(0),
      content: contentOf(this.kind, hex(this.item, this.kind)),
    }
  }

  #sign(wireFormat: number, framed: FramedContent): FramedContentAuth {
    const signed = toBeSigned(wireFormat, framed, this.#context)
    const signature = signWithLabel(this.suite, hex(this.item, "signature_priv"), "FramedContentTBS", signed)
    return { signature, confirmationTag: this.kind === "commit" ? CONFIRMATION_TAG : undefined }
  }

  #secrets() {
    return {
      senderDataSecret: hex(this.item, "sender_data_secret"),
      secretTree: SecretTree.create(this.suite, hex(this.item, "encryption_secret"), MEMBERS),
    }
  }

  openPublic(message: Uint8Array): void {
    const handshake = decodeHandshake(message)
    checkMembershipTag(this.suite, hex(this.item, "membership_key"), this.#context, handshake)
    checkSignature(this.suite, this.#context, handshake, hex(this.item, "signature_pub"))
    ensure(handshake.membershipTag !== undefined, "no membership tag")
    ensureEqual(bytesOf(handshake.framed.content), hex(this.item, this.kind), `public ${this.kind}`)
  }

  sealPublic(): Uint8Array {
    const framed = this.#framed()
    const auth = this.#sign(WireFormat.publicMessage, framed)
    const handshake = composeHandshake(WireFormat.publicMessage, framed, auth)
    return protectPublic(this.suite, hex(this.item, "membership_key"), this.#context, handshake)
  }

  openPrivate(message: ReturnType<typeof decodeMlsMessage>): void {
    ensure(message.kind === "privateMessage", "no PrivateMessage")
    const opened = unprotectPrivate(this.suite, message.message, this.#secrets(), (leaf) => leaf < MEMBERS)
    const { framed, auth } = opened
    ensure(framed.sender.leafIndex === SENDER, "sender differs")
    const signed = toBeSigned(WireFormat.privateMessage, framed, this.#context)
    const key = hex(this.item, "signature_pub")
    const holds = verifyWithLabel(this.suite, key, "FramedContentTBS", signed, auth.signature)
    ensure(holds, `signature of private ${this.kind}`)
    ensureEqual(bytesOf(framed.content), hex(this.item, this.kind), `private ${this.kind}`)
  }

  sealPrivate(): ReturnType<typeof decodeMlsMessage> {
    const framed = this.#framed()
    const auth = this.#sign(WireFormat.privateMessage, framed)
    const { message } = protectPrivate(this.suite, framed, auth, this.#secrets(), paddedLength)
    return { kind: "privateMessage", message }
  }
}

function refuses(work: () => unknown): boolean {
  try {
    work()
  } catch {
    return true
  }
  return false
}

function checkProtection(suite: CipherSuite, item: JsonObject): void {
  for (const kind of ["proposal", "commit", "application"] as const) {
    const one = new Case(suite, item, kind)
    one.openPrivate(decodeMlsMessage(hex(item, `${kind}_priv`)))
    one.openPrivate(one.sealPrivate())
    if (kind === "application") {
      ensure(
        refuses(() => one.sealPublic()),
        "application data went into a PublicMessage",
      )
    } else {
      one.openPublic(hex(item, `${kind}_pub`))
      one.openPublic(one.sealPublic())
    }
  }
}

export const mlsProtectionSuite: VectorSuite = arraySuite(
  "MLS message protection",
  ["membership_key", "proposal_priv", "commit_pub", "application_priv"],
  forSuite(checkProtection),
)
