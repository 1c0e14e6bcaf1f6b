import { describe, expect, test } from "bun:test"
import type { Sender } from "../../src/mls/codec/framing.ts"
import { encodeExternalSenders } from "../../src/mls/codec/group-extensions.ts"
import type { Proposal } from "../../src/mls/codec/proposal.ts"
import { WireFormat } from "../../src/mls/codec/protocol.ts"
import { MlsError } from "../../src/mls/error.ts"
import { signWithLabel } from "../../src/mls/labels.ts"
import { Member } from "../../src/mls/member/group.ts"
import { externalPskProposal } from "../../src/mls/member/psks.ts"
import { protectFromOutside } from "../../src/mls/member/public-protection.ts"
import { composeHandshake, toBeSigned } from "../../src/mls/observer/handshake.ts"
import { toHex, utf8 } from "../../src/wire/bytes.ts"
import { addOf, clock, groupOf, lifetime, newKeyPackage, newLeaf, suite } from "./member-fixtures.ts"

/** What members take from people who are not in the group. */

const NO_DATA = new Uint8Array(0)
const serverSecret = suite.generateSignatureSecret()
const server = {
  signatureKey: suite.signaturePublic(serverSecret),
  credential: { kind: "basic", identity: utf8("server") },
} as const

function proposalFrom(member: Member, sender: Sender, secret: Uint8Array, proposal: Proposal): Uint8Array {
  const { groupId, epoch } = member.context
  const content = { kind: "proposal", proposal } as const
  const framed = { groupId, epoch, sender, authenticatedData: NO_DATA, content }
  const signed = toBeSigned(WireFormat.publicMessage, framed, member.context)
  const signature = signWithLabel(suite, secret, "FramedContentTBS", signed)
  const auth = { signature, confirmationTag: undefined }
  return protectFromOutside(composeHandshake(WireFormat.publicMessage, framed, auth))
}

function servedGroup(): [Member, Member, Member] {
  const groupId = utf8("served")
  const extensions = [encodeExternalSenders([server])]
  const creator = Member.create(suite, { groupId, leaf: newLeaf("a"), lifetime, extensions })
  const keys = [newKeyPackage("b"), newKeyPackage("c")] as const
  const { next, welcome } = creator.commit({ ...clock, proposals: keys.map(addOf), treeInWelcome: true })
  const [b, c] = keys.map((own) => Member.join(suite, welcome as Uint8Array, own))
  return [next, b as Member, c as Member]
}

describe("members", () => {
  test("commit the removal that a listed external sender proposes, and refuse one of another key", () => {
    const [a, b, c] = servedGroup()
    const sender = { kind: "external", senderIndex: 0 } as const
    const proposal = { kind: "remove", removed: c.leaf } as const
    const forged = proposalFrom(a, sender, suite.generateSignatureSecret(), proposal)
    expect(() => a.process(forged, clock)).toThrow(MlsError)
    const message = proposalFrom(a, sender, serverSecret, proposal)
    const [first, second, third] = [a, b, c].map((member) => member.process(message, clock).next)
    const staged = (first as Member).commit(clock)
    const seen = (second as Member).process(staged.message, clock).next
    expect(toHex(seen.epochAuthenticator())).toBe(toHex(staged.next.epochAuthenticator()))
    const gone = (third as Member).process(staged.message, clock)
    expect(gone.kind === "commit" && gone.selfRemoved).toBe(true)
  })

  test("commit the Add that a new member proposes for itself", () => {
    const [a, b] = servedGroup()
    const own = newKeyPackage("self-invited")
    const sender = { kind: "newMemberProposal" } as const
    const message = proposalFrom(a, sender, own.secrets.signatureSecret, addOf(own))
    const [first, second] = [a, b].map((member) => member.process(message, clock).next)
    const staged = (first as Member).commit(clock)
    const seen = (second as Member).process(staged.message, clock).next
    const ratchetTree = staged.next.tree.encode()
    const joined = Member.join(suite, staged.welcome as Uint8Array, own, { ratchetTree })
    expect(toHex(joined.epochAuthenticator())).toBe(toHex(seen.epochAuthenticator()))
  })

  test("follow an external commit with a PSK that they know", () => {
    const [a, b] = groupOf(2) as [Member, Member]
    const psks = () => utf8("known to both")
    const { message, next } = Member.joinExternal(suite, a.encodedGroupInfo(), {
      ...clock,
      leaf: newLeaf("outsider"),
      ratchetTree: a.tree.encode(),
      pskProposals: [externalPskProposal(suite, utf8("psk"))],
      psks,
    })
    expect(() => b.process(message, clock)).toThrow(MlsError)
    expect(() => b.process(message, { ...clock, psks: () => utf8("another") })).toThrow(MlsError)
    const followed = b.process(message, { ...clock, psks }).next
    expect(toHex(followed.epochAuthenticator())).toBe(toHex(next.epochAuthenticator()))
    expect(next.leaf).toBe(2)
  })
})
