import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { nativeCrypto } from "../../src/crypto/native.ts"
import type { GroupContext } from "../../src/mls/codec/group-context.ts"
import { decodeMlsMessage, encodeMlsMessage } from "../../src/mls/codec/message.ts"
import { WireFormat } from "../../src/mls/codec/protocol.ts"
import { decoding, MlsError } from "../../src/mls/error.ts"
import { signWithLabel } from "../../src/mls/labels.ts"
import {
  type MessageSecrets,
  protectPrivate,
  unprotectPrivate,
} from "../../src/mls/member/message-protection.ts"
import { paddedLength } from "../../src/mls/member/padding.ts"
import {
  checkMembershipTag,
  protectFromOutside,
  protectPublic,
} from "../../src/mls/member/public-protection.ts"
import { memberRules } from "../../src/mls/member/rules.ts"
import { SecretTree } from "../../src/mls/member/secret-tree.ts"
import {
  checkEpoch,
  composeHandshake,
  decodeHandshake,
  toBeSigned,
} from "../../src/mls/observer/handshake.ts"
import type { CipherSuite } from "../../src/mls/suite.ts"
import { suite1 } from "../../src/mls/suites/suite1.ts"
import { suite2 } from "../../src/mls/suites/suite2.ts"
import { suite3 } from "../../src/mls/suites/suite3.ts"
import { toHex, utf8 } from "../../src/wire/bytes.ts"

const MEMBERS = 4
const SENDER = 2
const NONE = new Uint8Array(0)
const suites = [suite1, suite2, suite3].map((make) => make(nativeCrypto))

function secretsOf(suite: CipherSuite): MessageSecrets {
  return {
    senderDataSecret: new Uint8Array(32).fill(3),
    secretTree: SecretTree.create(suite, new Uint8Array(32).fill(4), MEMBERS),
  }
}

function contextOf(suite: CipherSuite, epoch = 7n): GroupContext {
  const [treeHash, confirmedTranscriptHash] = [new Uint8Array(32), new Uint8Array(32).fill(1)]
  return {
    cipherSuite: suite.id,
    groupId: utf8("group"),
    epoch,
    treeHash,
    confirmedTranscriptHash,
    extensions: [],
  }
}

function seal(
  suite: CipherSuite,
  secrets: MessageSecrets,
  data: Uint8Array,
  authenticatedData: Uint8Array = NONE,
) {
  const { groupId, epoch } = contextOf(suite)
  const sender = { kind: "member", leafIndex: SENDER } as const
  const framed = {
    groupId,
    epoch,
    sender,
    authenticatedData,
    content: { kind: "application", data } as const,
  }
  const auth = { signature: new Uint8Array(64).fill(5), confirmationTag: undefined }
  const sealed = protectPrivate(suite, framed, auth, secrets, paddedLength)
  return { ...sealed, bytes: encodeMlsMessage({ kind: "privateMessage", message: sealed.message }) }
}

/** Decodes and opens, signatures aside. Everything that is not as it was sent is refused by MlsError. */
function open(suite: CipherSuite, secrets: MessageSecrets, bytes: Uint8Array) {
  const decoded = decoding(() => decodeMlsMessage(bytes))
  if (decoded.kind !== "privateMessage") throw new MlsError(memberRules.notHandshake)
  return unprotectPrivate(suite, decoded.message, secrets, (leaf) => leaf < MEMBERS)
}

function flippedAt(bytes: Uint8Array, at: number, flip: number): Uint8Array {
  const changed = bytes.slice()
  changed[at] = (changed[at] as number) ^ flip
  return changed
}

const anyFlip = fc.integer({ min: 1, max: 255 })

describe("a PrivateMessage", () => {
  for (const suite of suites) {
    test(`opens to what was sent, of any length (suite ${suite.id})`, () => {
      const data = fc.uint8Array({ maxLength: 3_000 })
      fc.assert(
        fc.property(data, fc.uint8Array({ maxLength: 100 }), (content, authenticatedData) => {
          const secrets = secretsOf(suite)
          const { bytes } = seal(suite, secrets, content, authenticatedData)
          const { framed } = open(suite, secrets, bytes)
          expect(framed.content).toEqual({ kind: "application", data: content })
          expect(framed.authenticatedData).toEqual(authenticatedData)
          expect(framed.sender.leafIndex).toBe(SENDER)
        }),
        { numRuns: 50 },
      )
    })

    test(`is refused if any byte is another, and the true one still opens (suite ${suite.id})`, () => {
      const secrets = secretsOf(suite)
      const { bytes } = seal(suite, secrets, utf8("text"), utf8("ad"))
      const before = toHex(secrets.secretTree.serialize())
      for (let at = 0; at < bytes.length; at++) {
        const flip = 1 << (at % 8)
        expect(() => open(suite, secrets, flippedAt(bytes, at, flip))).toThrow(MlsError)
      }
      fc.assert(
        fc.property(fc.nat(bytes.length - 1), anyFlip, (at, flip) => {
          expect(() => open(suite, secrets, flippedAt(bytes, at, flip))).toThrow(MlsError)
          expect(() => open(suite, secrets, bytes.subarray(0, at))).toThrow(MlsError)
        }),
        { numRuns: 100 },
      )
      expect(toHex(secrets.secretTree.serialize())).toBe(before)
      expect(open(suite, secrets, bytes).framed.content).toEqual({ kind: "application", data: utf8("text") })
    })
  }

  const suite = suite1(nativeCrypto)

  test("opens once", () => {
    const secrets = secretsOf(suite)
    const { bytes } = seal(suite, secrets, utf8("text"))
    const { next } = open(suite, secrets, bytes)
    expect(() => open(suite, { ...secrets, secretTree: next }, bytes)).toThrow(memberRules.generation.text)
  })

  test("shows no more of a length than its step", () => {
    const lengths = new Set<number>()
    for (let length = 0; length <= 180; length += 9) {
      lengths.add(seal(suite, secretsOf(suite), new Uint8Array(length)).bytes.length)
    }
    expect(lengths.size).toBe(1)
  })

  test("is not the same twice, even if a restored sender takes the same key again", () => {
    const secrets = secretsOf(suite)
    const [one, two] = [seal(suite, secrets, utf8("text")), seal(suite, secrets, utf8("text"))]
    expect(toHex(one.message.ciphertext)).not.toBe(toHex(two.message.ciphertext))
    for (const { bytes } of [one, two]) {
      expect(open(suite, secrets, bytes).framed.content).toEqual({ kind: "application", data: utf8("text") })
    }
  })

  test("of somebody who is not in the group is refused before any of its keys is derived", () => {
    const secrets = secretsOf(suite)
    const { message } = seal(suite, secrets, utf8("text"))
    const nobody = () => unprotectPrivate(suite, message, secrets, () => false)
    expect(nobody).toThrow(memberRules.decryption.text)
  })

  test("opens with the secrets of its own epoch alone", () => {
    const secrets = secretsOf(suite)
    const { bytes } = seal(suite, secrets, utf8("text"))
    const otherTree = SecretTree.create(suite, new Uint8Array(32).fill(8), MEMBERS)
    const otherSenderData = new Uint8Array(32).fill(8)
    expect(() => open(suite, { ...secrets, secretTree: otherTree }, bytes)).toThrow(MlsError)
    expect(() => open(suite, { ...secrets, senderDataSecret: otherSenderData }, bytes)).toThrow(MlsError)
  })
})

describe("the membership tag", () => {
  const suite = suite1(nativeCrypto)
  const key = new Uint8Array(32).fill(6)
  const context = contextOf(suite)
  const signatureSecret = new Uint8Array(32).fill(2)

  function handshake(content: "proposal" | "application") {
    const framed = {
      groupId: context.groupId,
      epoch: context.epoch,
      sender: { kind: "member", leafIndex: SENDER } as const,
      authenticatedData: utf8("ad"),
      content:
        content === "application"
          ? ({ kind: "application", data: utf8("text") } as const)
          : ({ kind: "proposal", proposal: { kind: "remove", removed: 1 } } as const),
    }
    const signed = toBeSigned(WireFormat.publicMessage, framed, context)
    const signature = signWithLabel(suite, signatureSecret, "FramedContentTBS", signed)
    return composeHandshake(WireFormat.publicMessage, framed, { signature, confirmationTag: undefined })
  }

  const message = protectPublic(suite, key, context, handshake("proposal"))

  /** As members do it, before they look at any signature. */
  function verify(bytes: Uint8Array, membershipKey = key, of = context): void {
    const opened = decodeHandshake(bytes)
    checkEpoch(context, opened)
    checkMembershipTag(suite, membershipKey, of, opened)
  }

  test("holds for what was sent, in its epoch and with its key", () => {
    verify(message)
    expect(() => verify(message, new Uint8Array(32))).toThrow(memberRules.membershipTag.text)
    expect(() => verify(message, key, contextOf(suite, 8n))).toThrow(memberRules.membershipTag.text)
  })

  test("refuses every changed byte of what is for this epoch, the signature's among them", () => {
    for (let at = 0; at < message.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        expect(() => verify(flippedAt(message, at, 1 << bit))).toThrow(MlsError)
      }
    }
  })

  test("is on no application data, which never goes unencrypted", () => {
    const refused = [
      () => protectPublic(suite, key, context, handshake("application")),
      () => protectFromOutside(handshake("application")),
    ]
    for (const work of refused) expect(work).toThrow(memberRules.notHandshake.text)
  })
})
