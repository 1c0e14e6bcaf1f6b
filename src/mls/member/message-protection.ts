import { CryptoError } from "../../crypto/provider.ts"
import { wipe } from "../../crypto/wipe.ts"
import { decodeAll, type Reader, Writer } from "../../wire/tls.ts"
import { readCommit, writeCommit } from "../codec/commit.ts"
import {
  type Content,
  type FramedContent,
  type FramedContentAuth,
  readAuth,
  writeAuth,
} from "../codec/framing.ts"
import type { PrivateMessage } from "../codec/private-message.ts"
import { readProposal, writeProposal } from "../codec/proposal.ts"
import { ContentType } from "../codec/protocol.ts"
import { check, decoding, MlsError } from "../error.ts"
import { expandWithLabel } from "../labels.ts"
import type { CipherSuite } from "../suite.ts"
import { memberRules } from "./rules.ts"
import type { RatchetKind, SecretTree } from "./secret-tree.ts"

/** Encryption of messages (RFC 9420 section 6.3). Signatures are made and checked outside. */

const NONCE_BYTES = 12
const REUSE_GUARD_BYTES = 4
const SENDER_DATA_BYTES = 12
const SAMPLE_BYTES = 32

/** What encrypts and decrypts an epoch's messages. */
export interface MessageSecrets {
  readonly senderDataSecret: Uint8Array
  readonly secretTree: SecretTree
}

type Header = Pick<PrivateMessage, "groupId" | "epoch" | "contentKind">

function ratchetOf(kind: Content["kind"]): RatchetKind {
  return kind === "application" ? "application" : "handshake"
}

function senderDataAad(header: Header): Uint8Array {
  const writer = new Writer(128).opaque(header.groupId).u64(header.epoch)
  return writer.u8(ContentType[header.contentKind]).finish()
}

function contentAad(header: Header, authenticatedData: Uint8Array): Uint8Array {
  const writer = new Writer(128).opaque(header.groupId).u64(header.epoch)
  return writer.u8(ContentType[header.contentKind]).opaque(authenticatedData).finish()
}

/** What encrypts a message's sender data (RFC 9420 section 6.3.2), by its secret and the message's ciphertext. */
export function senderDataKey(
  suite: CipherSuite,
  senderDataSecret: Uint8Array,
  ciphertext: Uint8Array,
): { readonly key: Uint8Array; readonly nonce: Uint8Array } {
  const sample = ciphertext.subarray(0, SAMPLE_BYTES)
  return {
    key: expandWithLabel(suite, senderDataSecret, "key", sample, suite.aeadKeyBytes),
    nonce: expandWithLabel(suite, senderDataSecret, "nonce", sample, NONCE_BYTES),
  }
}

function withSenderDataKey<T>(
  suite: CipherSuite,
  senderDataSecret: Uint8Array,
  ciphertext: Uint8Array,
  work: (key: Uint8Array, nonce: Uint8Array) => T,
): T {
  const { key, nonce } = senderDataKey(suite, senderDataSecret, ciphertext)
  try {
    return work(key, nonce)
  } finally {
    wipe(key, nonce)
  }
}

function guarded(nonce: Uint8Array, reuseGuard: Uint8Array): Uint8Array {
  return nonce.map((byte, i) => byte ^ (reuseGuard[i] ?? 0))
}

function writeContent(writer: Writer, content: Content): void {
  if (content.kind === "application") writer.opaque(content.data)
  else if (content.kind === "proposal") writeProposal(writer, content.proposal)
  else writeCommit(writer, content.commit)
}

function readContent(reader: Reader, kind: Content["kind"]): Content {
  if (kind === "application") return { kind, data: reader.opaque() }
  if (kind === "proposal") return { kind, proposal: readProposal(reader) }
  return { kind, commit: readCommit(reader) }
}

/** A message encrypted, with the tree after it. */
export interface Protected {
  readonly message: PrivateMessage
  readonly next: SecretTree
  readonly consumed: readonly Uint8Array[]
}

/** Encrypts a member's content; `paddedLength` says how long content of a length shall be, padding included. */
export function protectPrivate(
  suite: CipherSuite,
  framed: FramedContent & { readonly sender: { readonly kind: "member" } },
  auth: FramedContentAuth,
  secrets: MessageSecrets,
  paddedLength: (length: number) => number,
): Protected {
  const { groupId, epoch, content, authenticatedData } = framed
  const { leafIndex } = framed.sender
  const header = { groupId, epoch, contentKind: content.kind }
  const taken = secrets.secretTree.senderKey(leafIndex, ratchetOf(content.kind))
  const writer = new Writer(1024)
  writeContent(writer, content)
  writeAuth(writer, auth)
  writer.raw(new Uint8Array(Math.max(0, paddedLength(writer.length) - writer.length)))

  const reuseGuard = suite.random(REUSE_GUARD_BYTES)
  const nonce = guarded(taken.nonce, reuseGuard)
  const aad = contentAad(header, authenticatedData)
  const ciphertext = suite.aeadSeal(taken.key, nonce, aad, writer.view())
  writer.wipe()
  wipe(nonce)
  const senderData = new Writer(SENDER_DATA_BYTES).u32(leafIndex).u32(taken.generation).raw(reuseGuard)
  const encryptedSenderData = withSenderDataKey(suite, secrets.senderDataSecret, ciphertext, (key, n) =>
    suite.aeadSeal(key, n, senderDataAad(header), senderData.view()),
  )
  senderData.wipe()
  wipe(reuseGuard)
  return {
    message: { ...header, authenticatedData, encryptedSenderData, ciphertext },
    next: taken.next,
    consumed: [...taken.consumed, taken.key, taken.nonce],
  }
}

/** A message decrypted, its signature not checked, with the tree after it. */
export interface Unprotected {
  readonly framed: FramedContent & { readonly sender: { readonly kind: "member" } }
  readonly auth: FramedContentAuth
  readonly next: SecretTree
  /** To be wiped once `next` is stored. */
  readonly consumed: readonly Uint8Array[]
  /**
   * To be wiped instead if the message is refused for its signature or content and `next` is not used: keys that were
   * derived for it, and the bytes that `framed` and `auth` are views of.
   */
  readonly fresh: readonly Uint8Array[]
}

/**
 * Decrypts a message of the secrets' epoch. `isMember` says whether somebody was at a leaf in that epoch. Throws
 * MlsError on what does not open, was opened before, or is not canonical.
 */
export function unprotectPrivate(
  suite: CipherSuite,
  message: PrivateMessage,
  secrets: MessageSecrets,
  isMember: (leaf: number) => boolean,
): Unprotected {
  const { groupId, epoch, contentKind, authenticatedData, ciphertext } = message
  const { leafIndex, generation, reuseGuard } = openSenderData(suite, message, secrets.senderDataSecret)
  check(isMember(leafIndex), memberRules.decryption)
  const taken = secrets.secretTree.receiverKey(leafIndex, ratchetOf(contentKind), generation)
  const nonce = guarded(taken.nonce, reuseGuard)
  try {
    const aad = contentAad(message, authenticatedData)
    const plaintext = opening(() => suite.aeadOpen(taken.key, nonce, aad, ciphertext))
    const { content, auth, bytes } = readPlaintext(plaintext, contentKind)
    return {
      framed: { groupId, epoch, sender: { kind: "member", leafIndex }, authenticatedData, content },
      auth,
      next: taken.next,
      consumed: [...taken.consumed, taken.key, taken.nonce],
      fresh: [...taken.fresh, bytes],
    }
  } catch (error) {
    wipe(...taken.fresh)
    throw error
  } finally {
    wipe(nonce, reuseGuard)
  }
}

interface SenderData {
  readonly leafIndex: number
  readonly generation: number
  readonly reuseGuard: Uint8Array
}

/** Who sent a message, and with which key. Throws MlsError on what does not open. */
function openSenderData(
  suite: CipherSuite,
  message: PrivateMessage,
  senderDataSecret: Uint8Array,
): SenderData {
  const bytes = opening(() =>
    withSenderDataKey(suite, senderDataSecret, message.ciphertext, (key, nonce) =>
      suite.aeadOpen(key, nonce, senderDataAad(message), message.encryptedSenderData),
    ),
  )
  try {
    return decoding(() =>
      decodeAll(bytes, (r) => ({
        leafIndex: r.u32(),
        generation: r.u32(),
        reuseGuard: r.raw(REUSE_GUARD_BYTES).slice(),
      })),
    )
  } finally {
    wipe(bytes)
  }
}

interface Plaintext {
  readonly content: Content
  readonly auth: FramedContentAuth
}

/** PrivateMessageContent without its padding; `bytes` are what the rest is a view of. The padded form is overwritten. */
function readPlaintext(
  padded: Uint8Array,
  kind: Content["kind"],
): Plaintext & { readonly bytes: Uint8Array } {
  const read = (from: Uint8Array) => decoding(() => decodeAll(from, (reader) => readPadded(reader, kind)))
  try {
    const { length } = read(padded)
    const bytes = padded.slice(0, length)
    return { ...read(bytes), bytes }
  } finally {
    wipe(padded)
  }
}

function readPadded(reader: Reader, kind: Content["kind"]): Plaintext & { readonly length: number } {
  const content = readContent(reader, kind)
  const auth = readAuth(reader, content)
  const length = reader.offset
  const padding = reader.raw(reader.remaining)
  check(
    padding.every((byte) => byte === 0),
    memberRules.padding,
  )
  return { content, auth, length }
}

function opening(open: () => Uint8Array): Uint8Array {
  try {
    return open()
  } catch (error) {
    if (error instanceof CryptoError) throw new MlsError(memberRules.decryption)
    throw error
  }
}
