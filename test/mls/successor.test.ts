import { describe, expect, test } from "bun:test"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { isZero } from "../../src/crypto/wipe.ts"
import { decodeKeyPackage } from "../../src/mls/codec/key-package.ts"
import type { Proposal } from "../../src/mls/codec/proposal.ts"
import { observeCommit, observeCreation } from "../../src/mls/index.ts"
import { Member } from "../../src/mls/member/group.ts"
import { createKeyPackage, type OwnKeyPackage } from "../../src/mls/member/key-package.ts"
import { clientByCredential } from "../../src/mls/member/lineage.ts"
import { resumptionPskProposal } from "../../src/mls/member/psks.ts"
import { memberRules } from "../../src/mls/member/rules.ts"
import { restoreMember } from "../../src/mls/member/storage.ts"
import { rules } from "../../src/mls/rules.ts"
import type { CipherSuite } from "../../src/mls/suite.ts"
import { suite3 } from "../../src/mls/suites/suite3.ts"
import { toHex, utf8 } from "../../src/wire/bytes.ts"
import { Forge } from "./forge.ts"
import {
  addOf,
  clock,
  EXTENSION_TYPE,
  groupOf,
  lifetime,
  newGroup,
  newKeyPackage,
  newLeaf,
  suite,
} from "./member-fixtures.ts"
import { recording } from "./recording.ts"

/** Groups that come from another one (RFC 9420 sections 11.2, 11.3 and 12.4.3.1). */

const other = suite3(nativeCrypto)
const NEXT = utf8("the next group")
const extensions = [{ type: EXTENSION_TYPE, data: utf8("new") }]
const reInit = { kind: "reInit", groupId: NEXT, version: 1, cipherSuite: other.id, extensions } as const
const clientOf = clientByCredential

function keysOf(index: number, own: CipherSuite = other): OwnKeyPackage {
  return newKeyPackage(`member ${index}`, lifetime, own)
}

function creationOf(index: number, keys: readonly OwnKeyPackage[], own: CipherSuite = other) {
  const keyPackages = keys.map(({ keyPackage }) => decodeKeyPackage(keyPackage))
  return {
    ...clock,
    leaf: newLeaf(`member ${index}`, own),
    lifetime,
    keyPackages,
    clientOf,
    treeInWelcome: true,
  }
}

/** The members of a group that was reinitialized by its first. */
function ended(count: number, parameters: Proposal = reInit): Member[] {
  const [first, ...others] = groupOf(count) as [Member, ...Member[]]
  const { message, next } = first.commit({ ...clock, proposals: [parameters] })
  return [next, ...others.map((member) => member.process(message, clock).next)]
}

function at(members: readonly Member[], index: number): Member {
  return members[index] as Member
}

function authenticators(members: readonly Member[]): Set<string> {
  return new Set(members.map((member) => toHex(member.epochAuthenticator())))
}

describe("a successor", () => {
  test("has the ReInit's parameters and the same clients, whoever of them creates it", () => {
    const old = ended(3)
    const [first, third] = [keysOf(0), keysOf(2)]
    const made = at(old, 1).createSuccessor(other, creationOf(1, [first, third]))
    const joined = [first, third].map((keys, i) => {
      const restored = Member.restore(suite, at(old, 2 * i).serialize())
      return restored.joinSuccessor(other, made.welcome as Uint8Array, keys, { clientOf })
    })
    expect(authenticators([made.next, ...joined]).size).toBe(1)
    expect(made.next.context).toMatchObject({ groupId: NEXT, cipherSuite: 3, epoch: 1n, extensions })
    expect(made.next.tree.memberCount).toBe(3)
    const { message } = made.next.encrypt(utf8("hello"))
    for (const member of joined) expect(member.decrypt(message).plaintext).toEqual(utf8("hello"))
  })

  test("may be of one member", () => {
    const [alone] = ended(1) as [Member]
    const made = alone.createSuccessor(other, creationOf(0, []))
    expect(made.welcome).toBeUndefined()
    expect(made.next.context.epoch).toBe(1n)
  })

  test("is followed by an observer from its beginning", () => {
    const old = ended(2)
    const made = at(old, 0).createSuccessor(other, creationOf(0, [keysOf(1)]))
    const { state, tree } = observeCreation(other, made.groupInfo, made.ratchetTree, clock.now)
    const staged = observeCommit(other, state, tree, made.message, clock)
    expect(staged.tree.snapshot()).toEqual(made.next.tree.snapshot())
    expect(staged.next.interimTranscriptHash).toEqual(made.next.group.interimTranscriptHash)
  })

  test("is not created with other clients, in another suite, or of a group that goes on", () => {
    const old = ended(3)
    const [second, third, stranger] = [keysOf(1), keysOf(2), newKeyPackage("stranger", lifetime, other)]
    for (const keys of [[second], [second, stranger], [second, third, stranger], [second, second]]) {
      const create = () => at(old, 0).createSuccessor(other, creationOf(0, keys))
      expect(create).toThrow(memberRules.successorMembers.text)
    }
    const all = [keysOf(1, suite), keysOf(2, suite)]
    const sameSuite = creationOf(0, all, suite)
    expect(() => at(old, 0).createSuccessor(suite, sameSuite)).toThrow(memberRules.successorParameters.text)
    expect(() => at(groupOf(3), 0).createSuccessor(suite, sameSuite)).toThrow(
      memberRules.notReinitialized.text,
    )
  })

  test("is joined from the group that it succeeds, and from no other", () => {
    const own = { ...reInit, cipherSuite: suite.id }
    const old = ended(2, own)
    const keys = keysOf(1, suite)
    const made = at(old, 0).createSuccessor(suite, creationOf(0, [keys], suite))
    const welcome = made.welcome as Uint8Array
    const options = { clientOf, psks: () => new Uint8Array(32) }
    const parents = [
      () => Member.join(suite, welcome, keys, options),
      () => at(old, 1).joinBranch(welcome, keys, options),
      () => at(groupOf(2), 1).joinSuccessor(suite, welcome, keys, options),
      () => newGroup("member 1", utf8("another")).joinSuccessor(suite, welcome, keys, options),
    ]
    for (const join of parents) expect(join).toThrow(memberRules.welcomeParent.text)
    const elsewhere = at(ended(2, own), 1)
    const withAnotherSecret = () => elsewhere.joinSuccessor(suite, welcome, keys, options)
    expect(withAnotherSecret).toThrow(memberRules.welcomeSecrets.text)
    expect(at(old, 1).joinSuccessor(suite, welcome, keys, options).context.epoch).toBe(1n)
  })

  test("is not joined if one of its parameters is not the ReInit's", () => {
    const [creator, joiner] = ended(2) as [Member, Member]
    const changes = [
      { groupId: utf8("another") },
      { cipherSuite: suite.id },
      { extensions: [] },
      { extensions: [...extensions, ...extensions].map((one, i) => ({ ...one, type: one.type + i })) },
    ]
    for (const change of changes) {
      const parameters = { ...reInit, ...change }
      const own = parameters.cipherSuite === suite.id ? suite : other
      const leaf = newLeaf("member 1", own)
      const supported = [EXTENSION_TYPE, EXTENSION_TYPE + 1]
      const supporting = { ...leaf, capabilities: { ...leaf.capabilities, extensions: supported } }
      const keys = createKeyPackage(own, supporting, lifetime)
      const creation = creationOf(0, [keys], own)
      const capabilities = { ...creation.leaf.capabilities, extensions: supported }
      const mistaken = new Member({ ...restoreMember(suite, creator.serialize()), reInit: parameters })
      const made = mistaken.createSuccessor(own, { ...creation, leaf: { ...creation.leaf, capabilities } })
      const join = () => joiner.joinSuccessor(own, made.welcome as Uint8Array, keys, { clientOf })
      expect(join).toThrow(memberRules.successorParameters.text)
    }
  })

  test("may have the old group's id, and a branch too: its PSK is still the old group's", () => {
    const [a, b] = groupOf(2) as [Member, Member]
    const { groupId } = a.context
    const keys = keysOf(1, suite)
    const made = a.createBranch({ ...creationOf(0, [keys], suite), groupId })
    expect(b.joinBranch(made.welcome as Uint8Array, keys, { clientOf }).context.groupId).toEqual(groupId)
    const old = ended(2, { ...reInit, cipherSuite: suite.id, groupId })
    const next = at(old, 0).createSuccessor(suite, creationOf(0, [keys], suite))
    const joined = at(old, 1).joinSuccessor(suite, next.welcome as Uint8Array, keys, { clientOf })
    expect(authenticators([next.next, joined]).size).toBe(1)
  })

  test("does not depend on bytes that the committer of the ReInit gave away", () => {
    const [a] = groupOf(1) as [Member]
    const parameters = {
      ...reInit,
      groupId: NEXT.slice(),
      extensions: [{ ...extensions[0]!, data: utf8("x") }],
    }
    const { next } = a.commit({ ...clock, proposals: [parameters] })
    parameters.groupId.fill(0)
    parameters.extensions[0]!.data.fill(0)
    expect(next.reInit).toEqual({
      ...parameters,
      groupId: NEXT,
      extensions: [{ type: EXTENSION_TYPE, data: utf8("x") }],
    })
    const wrong = { ...restoreMember(suite, next.serialize()), reInit: { kind: "selfRemove" } as never }
    expect(() => Member.restore(suite, new Member(wrong).serialize())).toThrow(memberRules.memberState.text)
  })

  test("is not what a plain Welcome leads to", () => {
    const old = ended(2)
    const keys = keysOf(1)
    const plain = newGroup("member 0", NEXT, other).commit({
      ...clock,
      proposals: [addOf(keys)],
      treeInWelcome: true,
    })
    const join = () => at(old, 1).joinSuccessor(other, plain.welcome as Uint8Array, keys, { clientOf })
    expect(join).toThrow(memberRules.welcomeParent.text)
  })

  test("leaves no secret of its epoch 0 but what late messages and resumption need", () => {
    const { suite: noting, made } = recording(other)
    const { next } = at(ended(2), 0).createSuccessor(noting, creationOf(0, [keysOf(1)]))
    const kept = toHex(next.serialize())
    expect(made.length).toBeGreaterThan(20)
    for (const secret of made) expect(isZero(secret) || kept.includes(toHex(secret))).toBeTrue()
  })
})

describe("a branch", () => {
  const groupId = utf8("some of us")

  test("has some of the group's clients, its suite and its extensions, and the group goes on", () => {
    const [a, b, c] = groupOf(3) as [Member, Member, Member]
    const staged = a.commit({ ...clock, proposals: [{ kind: "groupContextExtensions", extensions }] })
    const [nextB, nextC] = [b, c].map((member) => member.process(staged.message, clock).next)
    const keys = keysOf(2, suite)
    const made = staged.next.createBranch({ ...creationOf(0, [keys], suite), groupId })
    const moved = staged.next.commit(clock)
    const late = (nextC as Member).process(moved.message, clock).next
    const joined = late.joinBranch(made.welcome as Uint8Array, keys, { clientOf })
    expect(authenticators([made.next, joined]).size).toBe(1)
    expect(joined.context).toMatchObject({ groupId, cipherSuite: 1, epoch: 1n, extensions })
    expect((nextB as Member).process(moved.message, clock).next.context.epoch).toBe(3n)
  })

  test("is not created with strangers, nor of a group that was reinitialized, nor by who was removed", () => {
    const [a, b] = groupOf(2) as [Member, Member]
    const stranger = { ...creationOf(0, [newKeyPackage("stranger")], suite), groupId }
    expect(() => a.createBranch(stranger)).toThrow(memberRules.branchMembers.text)
    const alone = { ...creationOf(0, [], suite), groupId }
    expect(() => at(ended(2), 0).createBranch(alone)).toThrow(memberRules.groupClosed.text)
    const { message } = a.commit({ ...clock, proposals: [{ kind: "remove", removed: 1 }] })
    const removed = b.process(message, clock).next
    expect(() => removed.createBranch({ ...alone, leaf: newLeaf("member 1") })).toThrow(
      memberRules.groupClosed.text,
    )
  })

  test("is joined from the group that it comes from, in its suite", () => {
    const [a, b] = groupOf(2) as [Member, Member]
    const keys = keysOf(1, suite)
    const made = a.createBranch({ ...creationOf(0, [keys], suite), groupId })
    const welcome = made.welcome as Uint8Array
    expect(() => Member.join(suite, welcome, keys)).toThrow(memberRules.welcomeParent.text)
    expect(() => b.joinSuccessor(suite, welcome, keys, { clientOf })).toThrow(memberRules.welcomeParent.text)
    const inAnother = newGroup("member 1", utf8("group"), other)
    expect(() => inAnother.joinBranch(welcome, keys, { clientOf })).toThrow(memberRules.welcomeSuite.text)
    expect(b.joinBranch(welcome, keys, { clientOf }).context.groupId).toEqual(groupId)
  })
})

describe("a PSK that tells where a group comes from", () => {
  const psks = () => new Uint8Array(32)
  const parent = utf8("parent")
  const [branch, reinit] = (["branch", "reinit"] as const).map((usage) =>
    resumptionPskProposal(suite, parent, 4n, usage),
  ) as [Proposal, Proposal]

  test("is refused beside another, in a later epoch, and from outside", () => {
    const creator = newGroup("creator")
    const observed = observeCreation(suite, creator.encodedGroupInfo(), creator.tree.encode(), clock.now)
    const twice = () => creator.commit({ ...clock, psks, proposals: [branch, reinit] })
    expect(twice).toThrow(rules.pskUsage.text)
    const once = creator.commit({ ...clock, psks, proposals: [branch] })
    const staged = observeCommit(suite, observed.state, observed.tree, once.message, clock)
    expect(staged.next.context.epoch).toBe(1n)
    const again = () => once.next.commit({ ...clock, psks, proposals: [reinit] })
    expect(again).toThrow(rules.pskUsage.text)
    const joining = { ...clock, psks, leaf: newLeaf("outsider"), ratchetTree: creator.tree.encode() }
    const join = () =>
      Member.joinExternal(suite, creator.encodedGroupInfo(), { ...joining, pskProposals: [branch] })
    expect(join).toThrow(rules.pskUsage.text)
  })

  test("is refused in a group that begins with several members", () => {
    const forge = Forge.standard()
    forge.state = { ...forge.state, context: { ...forge.state.context, epoch: 0n } }
    expect(() => forge.observe(forge.commit({ proposals: [branch] }))).toThrow(rules.pskUsage.text)
  })
})

test("a client without the new suite's KeyPackage is not silently left out", () => {
  const old = ended(2)
  const foreign = createKeyPackage(suite, newLeaf("member 1"), lifetime)
  const create = () => at(old, 0).createSuccessor(other, creationOf(0, [foreign]))
  expect(create).toThrow(rules.keyPackageSuite.text)
})
