import { describe, expect, test } from "bun:test"
import { encodeProposal as encodeTheirs } from "ts-mls/proposal.js"
import { decodeProposal, encodeProposal, type Proposal } from "../../src/mls/codec/proposal.ts"
import { observeCommit, observeProposal } from "../../src/mls/index.ts"
import { Member } from "../../src/mls/member/group.ts"
import { createKeyPackage, type OwnKeyPackage } from "../../src/mls/member/key-package.ts"
import type { AuthenticatedProposal } from "../../src/mls/observer/proposal.ts"
import { rules } from "../../src/mls/rules.ts"
import { concat, toHex, utf8 } from "../../src/wire/bytes.ts"
import { CodecError } from "../../src/wire/tls.ts"
import { NOW as FORGED_NOW, PROPOSAL_TYPE as FORGED_TYPE, Forge, OUTSIDER_SEED } from "./forge.ts"
import {
  addOf,
  clock,
  customProposals,
  groupOf,
  lifetime,
  newKeyPackage,
  newLeaf,
  PROPOSAL_TYPE,
  suite,
} from "./member-fixtures.ts"

/** Proposals whose types the application has defined (RFC 9420 sections 12.2, 12.4, 13.2 and 17.4). */

const policy = { ...clock, customProposals }

function custom(text: string, type: number = PROPOSAL_TYPE): Proposal {
  return { kind: "custom", type, payload: utf8(text) }
}

/** A KeyPackage of a client that supports no proposal type but the default ones. */
function unsupporting(name: string): OwnKeyPackage {
  const leaf = newLeaf(name)
  return createKeyPackage(suite, { ...leaf, capabilities: { ...leaf.capabilities, proposals: [] } }, lifetime)
}

function three(): [Member, Member, Member] {
  return groupOf(3) as [Member, Member, Member]
}

describe("a custom proposal", () => {
  test("is reported with who proposed it, to the committer, the members and an observer", () => {
    const [a, b, c] = three()
    const proposed = b.propose(custom("by reference"), policy)
    const seen = observeProposal(suite, a.group, a.tree, proposed.message, policy)
    const committer = Member.restore(suite, a.process(proposed.message, policy).next.serialize())
    const staged = committer.commit({ ...policy, proposals: [custom("by value")] })
    const expected = [
      { type: PROPOSAL_TYPE, payload: utf8("by reference"), sender: { kind: "member", leafIndex: 1 } },
      { type: PROPOSAL_TYPE, payload: utf8("by value"), sender: { kind: "member", leafIndex: 0 } },
    ] as const
    const proposals = new Map([[toHex(seen.ref), seen]])
    const observed = observeCommit(suite, a.group, a.tree, staged.message, { ...policy, proposals })
    const followers = [proposed.next, c.process(proposed.message, policy).next]
    const processed = followers.map((member) => member.process(staged.message, policy))
    expect(staged.custom).toEqual([...expected])
    expect(observed.custom).toEqual([...expected])
    for (const one of processed) expect(one).toMatchObject({ commit: { custom: expected } })
    const views = [staged, ...processed].map(({ next }) => toHex(next.epochAuthenticator()))
    expect(new Set(views).size).toBe(1)
  })

  test("travels encrypted too", () => {
    const [a, b] = three()
    const options = { ...policy, encrypted: true }
    const proposed = b.propose(custom("encrypted"), options)
    const staged = a.process(proposed.message, policy).next.commit(options)
    expect(proposed.next.process(staged.message, policy)).toMatchObject({
      commit: { custom: [{ payload: utf8("encrypted") }] },
    })
  })

  test("is refused where its type is not declared, and then nothing has changed", () => {
    const [a, b] = three()
    const before = toHex(a.serialize())
    const other = { ...clock, customProposals: { 61682: customProposals[PROPOSAL_TYPE] } }
    for (const undeclared of [clock, other]) {
      for (const attempt of [
        () => a.propose(custom("undeclared"), undeclared),
        () => a.commit({ ...undeclared, proposals: [custom("undeclared")] }),
        () => a.process(b.propose(custom("declared"), policy).message, undeclared),
        () => a.process(b.commit({ ...policy, proposals: [custom("declared")] }).message, undeclared),
      ]) {
        expect(attempt).toThrow(rules.undeclaredProposal.text)
      }
    }
    expect(toHex(a.serialize())).toBe(before)
  })

  test("cannot pass for a proposal of a type that MLS defines", () => {
    const [a] = three()
    const declared = { pathRequired: false, byExternalSender: false }
    const misdeclared = { ...clock, customProposals: { 3: declared, 8: declared } }
    for (const type of [3, 8]) {
      const forged = custom("\0\0\0\u0001", type)
      expect(() => a.propose(forged, misdeclared)).toThrow(rules.undeclaredProposal.text)
      expect(() => a.commit({ ...misdeclared, proposals: [forged] })).toThrow(rules.undeclaredProposal.text)
    }
  })

  test("needs a path if its declaration says so", () => {
    const [a, b] = three()
    const pathless = a.commit({ ...policy, withoutPath: true, proposals: [custom("pathless")] })
    const demanding = { [PROPOSAL_TYPE]: { pathRequired: true, byExternalSender: false } }
    const withPath = { ...clock, customProposals: demanding }
    expect(b.process(pathless.message, policy)).toMatchObject({ commit: { hasPath: false } })
    expect(() => b.process(pathless.message, withPath)).toThrow(rules.pathRequired.text)
    const staged = a.commit({ ...withPath, withoutPath: true, proposals: [custom("with a path")] })
    expect(b.process(staged.message, withPath)).toMatchObject({ commit: { hasPath: true } })
  })

  test("comes from an external sender if its declaration says so", () => {
    const forge = Forge.standard()
    const sender = { kind: "external", senderIndex: 0 } as const
    const message = forge.proposalMessage(custom("from outside", FORGED_TYPE), sender, OUTSIDER_SEED)
    const observe = (byExternalSender: boolean) => {
      const declared = { [FORGED_TYPE]: { pathRequired: true, byExternalSender } }
      const seen = { now: FORGED_NOW, customProposals: declared }
      return observeProposal(suite, forge.state, forge.tree, message, seen)
    }
    expect(observe(true)).toMatchObject({ sender })
    expect(() => observe(false)).toThrow(rules.proposalSenderType.text)
  })

  test("is never in an external commit", () => {
    const forge = Forge.standard()
    const outsider = forge.people.get(3)
    const seen = { customProposals: { [FORGED_TYPE]: { pathRequired: false, byExternalSender: true } } }
    const externalInit: Proposal = { kind: "externalInit", kemOutput: new Uint8Array(32) }
    const plan = { committer: outsider as NonNullable<typeof outsider>, proposals: [externalInit] }
    const byValue = [...plan.proposals, custom("by value", FORGED_TYPE)]
    const attempt = () => forge.observe(forge.commit({ ...plan, proposals: byValue }), seen)
    expect(attempt).toThrow(rules.externalProposalType.text)
    const member = { kind: "member", leafIndex: 1 } as const
    const seed = forge.people.get(1)?.seed as Uint8Array
    const message = forge.proposalMessage(custom("by reference", FORGED_TYPE), member, seed)
    const referred = observeProposal(suite, forge.state, forge.tree, message, { now: FORGED_NOW, ...seen })
    const proposals = new Map<string, AuthenticatedProposal>([[toHex(referred.ref), referred]])
    const commit = forge.commit({ ...plan, references: [referred.ref] })
    expect(() => forge.observe(commit, { ...seen, proposals })).toThrow(rules.externalReference.text)
  })
})

describe("who has to support the type of a custom proposal", () => {
  function withOldClient(): { a: Member; b: Member } {
    const [a] = groupOf(1) as [Member]
    const b = newKeyPackage("b")
    const proposals = [addOf(unsupporting("old")), addOf(b)]
    const { next, welcome } = a.commit({ ...clock, proposals, treeInWelcome: true })
    return { a: next, b: Member.join(suite, welcome as Uint8Array, b) }
  }

  test("is everybody who stays: a commit is refused, or leaves the proposal out", () => {
    const { a, b } = withOldClient()
    const commit = () => a.commit({ ...policy, proposals: [custom("by value")] })
    expect(commit).toThrow(rules.proposalSupport.text)
    const proposed = b.propose(custom("by reference"), policy)
    const staged = a.process(proposed.message, policy).next.commit(policy)
    expect(staged.custom).toEqual([])
    expect(proposed.next.process(staged.message, policy).next.context.epoch).toBe(2n)
  })

  test("is not whoever is removed or added by the same commit", () => {
    const { a, b } = withOldClient()
    const proposed = b.propose(custom("by reference"), policy)
    const proposals: Proposal[] = [{ kind: "remove", removed: 1 }, addOf(unsupporting("new"))]
    const staged = a.process(proposed.message, policy).next.commit({ ...policy, proposals })
    expect(staged.custom).toHaveLength(1)
    const followed = proposed.next.process(staged.message, policy).next
    expect(toHex(followed.epochAuthenticator())).toBe(toHex(staged.next.epochAuthenticator()))
    const later = () => staged.next.commit({ ...policy, proposals: [custom("in the next epoch")] })
    expect(later).toThrow(rules.proposalSupport.text)
  })

  test("is told by the leaf before an Update, not by the one after it", () => {
    const [a, b] = three()
    const leaf = newLeaf("member 1")
    const { capabilities } = leaf
    const dropping = { ...leaf, capabilities: { ...capabilities, proposals: [] } }
    const updated = b.proposeUpdate(clock, dropping)
    const committer = a.process(updated.message, clock).next
    const staged = committer.commit({ ...policy, proposals: [custom("while it is supported")] })
    expect(updated.next.process(staged.message, policy)).toMatchObject({ commit: { updated: [1] } })
    const later = () => staged.next.commit({ ...policy, proposals: [custom("no longer")] })
    expect(later).toThrow(rules.proposalSupport.text)
  })
})

describe("the encoding of a custom proposal", () => {
  test("is the type and one vector, as another implementation has it", () => {
    const payload = utf8("payload")
    const theirs = encodeTheirs({ proposalType: PROPOSAL_TYPE, proposalData: payload })
    expect(encodeProposal(custom("payload"))).toEqual(theirs)
    expect(theirs).toEqual(concat(Uint8Array.of(0xf0, 0xf1, 7), payload))
  })

  test("is for types for private use alone: reserved, GREASE and other extensions' types are refused", () => {
    for (const type of [0, 8, 9, 0x0a0a, 0xeaea, 0xefff]) {
      const bytes = Uint8Array.of(type >> 8, type & 0xff, 1, 0)
      expect(() => decodeProposal(bytes)).toThrow(CodecError)
    }
  })

  test("has a minimal length", () => {
    for (const header of [
      [0x40, 1],
      [0x80, 0, 0, 1],
    ]) {
      expect(() => decodeProposal(Uint8Array.of(0xf0, 0xf1, ...header, 0))).toThrow(CodecError)
    }
    expect(decodeProposal(Uint8Array.of(0xf0, 0xf1, 1, 0))).toEqual(custom("\0"))
  })
})
