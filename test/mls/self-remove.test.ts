import { describe, expect, test } from "bun:test"
import { isZero } from "../../src/crypto/wipe.ts"
import { encodeMlsMessage } from "../../src/mls/codec/message.ts"
import type { Proposal } from "../../src/mls/codec/proposal.ts"
import { WireFormat } from "../../src/mls/codec/protocol.ts"
import { observeCommit, observeProposal } from "../../src/mls/index.ts"
import { signWithLabel } from "../../src/mls/labels.ts"
import { Member } from "../../src/mls/member/group.ts"
import { createKeyPackage } from "../../src/mls/member/key-package.ts"
import { protectPrivate } from "../../src/mls/member/message-protection.ts"
import { memberRules } from "../../src/mls/member/rules.ts"
import { secretsOf } from "../../src/mls/member/state.ts"
import { restoreMember } from "../../src/mls/member/storage.ts"
import { toBeSigned } from "../../src/mls/observer/handshake.ts"
import type { AuthenticatedProposal } from "../../src/mls/observer/proposal.ts"
import { rules } from "../../src/mls/rules.ts"
import { toHex, utf8 } from "../../src/wire/bytes.ts"
import { type CommitPlan, NOW as FORGED_NOW, Forge, OUTSIDER_SEED, Person } from "./forge.ts"
import { distinctKey } from "./leaves.ts"
import { addOf, clock, groupOf, lifetime, newKeyPackage, newLeaf, suite } from "./member-fixtures.ts"

/** Leaving a group (draft-ietf-mls-extensions section 6.3). */

const selfRemove = { kind: "selfRemove" } as const

type People = [Member, Member, Member, Member]

function four(): People {
  return groupOf(4) as People
}

/** `leaver` proposes that it leaves; everybody's next member knows of it. */
function leaving(people: readonly Member[], leaver: number): { people: Member[]; message: Uint8Array } {
  const proposed = (people[leaver] as Member).propose(selfRemove, clock)
  const { message } = proposed
  const next = people.map((member, i) => (i === leaver ? proposed.next : member.process(message, clock).next))
  return { people: next, message }
}

function authenticators(members: readonly Member[]): Set<string> {
  return new Set(members.map((member) => toHex(member.epochAuthenticator())))
}

describe("a SelfRemove", () => {
  test("is committed by another member, and whoever leaves keeps nothing", () => {
    const { people, message } = leaving(four(), 2)
    const [a, b, c, d] = people as People
    const proposal = observeProposal(suite, a.group, a.tree, message, clock)
    const { epoch } = secretsOf(restoreMember(suite, c.serialize()))
    const staged = a.commit({ ...clock, withoutPath: true })

    const proposals = new Map([[toHex(proposal.ref), proposal]])
    const observed = observeCommit(suite, a.group, a.tree, staged.message, { ...clock, proposals })
    expect([observed.removed, observed.hasPath]).toEqual([[2], true])
    const followed = [b, d].map((member) => member.process(staged.message, clock).next)
    expect(authenticators([staged.next, ...followed]).size).toBe(1)

    const gone = c.process(staged.message, clock)
    expect(gone).toMatchObject({ kind: "commit", selfRemoved: true })
    expect(gone.next.isMember).toBeFalse()
    const kept = toHex(gone.next.serialize())
    for (const secret of Object.values(epoch)) {
      if (!isZero(secret)) expect(kept).not.toContain(toHex(secret))
    }
  })

  test("is not committed by whoever leaves", () => {
    const { people } = leaving(four(), 1)
    const [a, b] = people as People
    const staged = b.commit(clock)
    expect(staged.next.tree.memberCount).toBe(4)
    expect(a.process(staged.message, clock)).toMatchObject({ selfRemoved: false })
  })

  test("goes before a Remove and an Update of the same leaf", () => {
    const first = leaving(four(), 3)
    const [a, b, c, d] = first.people as People
    const removed = b.propose({ kind: "remove", removed: 3 }, clock)
    const updated = d.proposeUpdate(clock)
    let committer = a
    for (const { message } of [removed, updated]) committer = committer.process(message, clock).next
    const staged = committer.commit(clock)
    let follower = c
    for (const { message } of [removed, updated]) follower = follower.process(message, clock).next
    const seen = follower.process(staged.message, clock)
    expect(seen).toMatchObject({ commit: { proposals: [selfRemove], removed: [3] } })
  })

  test("is committed by whoever joins from outside, also if everybody leaves", () => {
    for (const leavers of [
      [1, 3],
      [0, 1, 2, 3],
    ]) {
      let people: Member[] = four()
      const selfRemoves: Uint8Array[] = []
      for (const leaver of leavers) {
        const proposed = leaving(people, leaver)
        people = proposed.people
        selfRemoves.push(proposed.message)
      }
      const through = people[0] as Member
      const joined = Member.joinExternal(suite, through.encodedGroupInfo(), {
        ...clock,
        leaf: newLeaf("outsider"),
        ratchetTree: through.tree.encode(),
        selfRemoves,
      })
      expect(joined.next.leaf).toBe(leavers[0] as number)
      const after = people.map((member) => member.process(joined.message, clock))
      expect(after.flatMap((one, i) => (one.kind === "commit" && one.selfRemoved ? [i] : []))).toEqual(
        leavers,
      )
      const staying = after.map(({ next }) => next).filter(({ isMember }) => isMember)
      expect(authenticators([joined.next, ...staying]).size).toBe(1)
      expect(joined.next.tree.memberCount).toBe(5 - leavers.length)
    }
  })

  test("is refused where somebody does not list it, and can be sent once that one is gone", () => {
    const [a] = groupOf(1) as [Member]
    const leaf = newLeaf("old")
    const capabilities = { ...leaf.capabilities, proposals: [] }
    const old = createKeyPackage(suite, { ...leaf, capabilities }, lifetime)
    const b = newKeyPackage("b")
    const added = a.commit({ ...clock, proposals: [addOf(old), addOf(b)], treeInWelcome: true })
    const member = Member.join(suite, added.welcome as Uint8Array, b)
    expect(() => member.propose(selfRemove, clock)).toThrow(rules.proposalSupport.text)
    const removed = added.next.commit({ ...clock, proposals: [{ kind: "remove", removed: 1 }] })
    const alone = member.process(removed.message, clock).next
    expect(removed.next.process(alone.propose(selfRemove, clock).message, clock).kind).toBe("proposal")
  })

  test("is refused if it comes encrypted, and by value", () => {
    const [a, b] = four()
    expect(() => a.process(encryptedSelfRemove(b), clock)).toThrow(memberRules.selfRemoveEncrypted.text)
    expect(() => a.commit({ ...clock, proposals: [selfRemove] })).toThrow(rules.selfRemoveByValue.text)
  })

  test("is the only proposal by reference that someone who joins from outside may commit", () => {
    const [a, b] = four()
    const proposals: Proposal[] = [{ kind: "remove", removed: 3 }, addOf(newKeyPackage("another"))]
    for (const proposal of proposals) {
      const join = () =>
        Member.joinExternal(suite, a.encodedGroupInfo(), {
          ...clock,
          leaf: newLeaf("outsider"),
          ratchetTree: a.tree.encode(),
          selfRemoves: [b.propose(proposal, clock).message],
        })
      expect(join).toThrow(rules.externalReference.text)
    }
  })
})

describe("an observer", () => {
  const forge = Forge.standard()
  const joiner = new Person(80)
  const externalInit: Proposal = { kind: "externalInit", kemOutput: distinctKey(1) }

  function proposed(proposal: Proposal, leafIndex: number, seed = forge.people.get(leafIndex)?.seed) {
    const message = forge.proposalMessage(proposal, { kind: "member", leafIndex }, seed as Uint8Array)
    return observeProposal(suite, forge.state, forge.tree, message, { now: FORGED_NOW })
  }

  function update(leafIndex: number): Proposal {
    const person = forge.people.get(leafIndex) as Person
    const leaf = person.leaf({ encryptionKey: forge.key(), source: { kind: "update" } })
    return { kind: "update", leafNode: person.signLeaf(leaf, leafIndex) }
  }

  function commit(plan: CommitPlan, referred: readonly AuthenticatedProposal[]) {
    const references = referred.map(({ ref }) => ref)
    const proposals = new Map(referred.map((proposal) => [toHex(proposal.ref), proposal]))
    return forge.observe(forge.commit({ removes: [1], ...plan, references }), { proposals })
  }

  test("refuses a commit that removes one leaf in two ways, or the committer", () => {
    const leaves = proposed(selfRemove, 1)
    const remove: Proposal = { kind: "remove", removed: 1 }
    const again = { ...leaves, ref: distinctKey(2) }
    const sameLeaf: [CommitPlan, AuthenticatedProposal[]][] = [
      [{}, [leaves, proposed(remove, 2)]],
      [{}, [leaves, proposed(update(1), 1)]],
      [{}, [leaves, again]],
      [{ proposals: [remove] }, [leaves]],
      [{ committer: joiner, proposals: [externalInit, remove] }, [leaves]],
    ]
    for (const [plan, referred] of sameLeaf) {
      expect(() => commit(plan, referred)).toThrow(rules.sameLeafTwice.text)
    }
    expect(() => commit({ committer: 1, removes: [] }, [leaves])).toThrow(rules.removeCommitter.text)
    const nobodys = { ...leaves, sender: { kind: "external", senderIndex: 0 } as const }
    expect(() => commit({ removes: [] }, [nobodys])).toThrow(rules.proposalSenderType.text)
    expect(commit({}, [leaves]).removed).toEqual([1])
  })

  test("refuses one of an external sender, one by value, and one that it did not see", () => {
    const external = { kind: "external", senderIndex: 0 } as const
    const message = forge.proposalMessage(selfRemove, external, OUTSIDER_SEED)
    const clockThen = { now: FORGED_NOW }
    expect(() => observeProposal(suite, forge.state, forge.tree, message, clockThen)).toThrow(
      rules.proposalSenderType.text,
    )
    const joining = { committer: joiner, removes: [] }
    const byValue = { ...joining, proposals: [externalInit, selfRemove] }
    expect(() => commit(byValue, [])).toThrow(rules.selfRemoveByValue.text)
    const unseen = forge.commit({ ...joining, proposals: [externalInit], references: [distinctKey(3)] })
    expect(() => forge.observe(unseen)).toThrow(rules.unknownProposal.text)
  })
})

/** A SelfRemove as a PrivateMessage, which our members do not make. */
function encryptedSelfRemove(member: Member): Uint8Array {
  const state = restoreMember(suite, member.serialize())
  const { context } = state.group
  const { epoch, secretTree } = secretsOf(state)
  const framed = {
    groupId: context.groupId,
    epoch: context.epoch,
    sender: { kind: "member", leafIndex: state.leaf } as const,
    authenticatedData: utf8(""),
    content: { kind: "proposal", proposal: selfRemove } as const,
  }
  const signed = toBeSigned(WireFormat.privateMessage, framed, context)
  const signature = signWithLabel(suite, state.signatureSecret, "FramedContentTBS", signed)
  const secrets = { senderDataSecret: epoch.senderData, secretTree }
  const auth = { signature, confirmationTag: undefined }
  const { message } = protectPrivate(suite, framed, auth, secrets, (length) => length)
  return encodeMlsMessage({ kind: "privateMessage", message })
}
