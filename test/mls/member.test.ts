import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { isZero } from "../../src/crypto/wipe.ts"
import { MlsError } from "../../src/mls/error.ts"
import { Member } from "../../src/mls/member/group.ts"
import { secretsOf } from "../../src/mls/member/state.ts"
import { restoreMember } from "../../src/mls/member/storage.ts"
import { toHex, utf8 } from "../../src/wire/bytes.ts"
import { addOf, clock, groupOf, newGroup, newKeyPackage, newLeaf, suite } from "./member-fixtures.ts"

function members(count: number): Member[] {
  return groupOf(count)
}

function at(people: readonly Member[], index: number): Member {
  return people[index] as Member
}

function keeps(member: Member, secret: Uint8Array): boolean {
  return toHex(member.serialize()).includes(toHex(secret))
}

describe("forward secrecy", () => {
  test("keys that were used are not in the next state", () => {
    const people = members(3)
    const sent = at(people, 0).encrypt(utf8("text"))
    const read = at(people, 1).decrypt(sent.message)
    for (const { next, consumed } of [sent, read]) {
      expect(consumed.length).toBeGreaterThan(2)
      for (const secret of consumed) expect(keeps(next, secret)).toBe(false)
    }
  })

  test("a commit leaves no secret of the old epoch but what late messages need", () => {
    const people = members(4)
    const staged = at(people, 0).commit(clock)
    const processed = at(people, 1).process(staged.message, clock)
    for (const [before, { next, consumed }] of [
      [at(people, 0), staged],
      [at(people, 1), processed],
    ] as const) {
      const { epoch } = secretsOf(restoreMember(suite, before.serialize()))
      for (const secret of [epoch.init, epoch.external, epoch.exporter, epoch.membership]) {
        expect(keeps(before, secret)).toBe(true)
        expect(keeps(next, secret)).toBe(false)
      }
      for (const secret of consumed)
        if (!isOfLateMessages(before, secret)) expect(keeps(next, secret)).toBe(false)
    }
  })

  test("an epoch's encryption secret is gone once its tree stands", () => {
    for (const member of members(2)) {
      expect(isZero(secretsOf(restoreMember(suite, member.serialize())).epoch.encryption)).toBe(true)
    }
  })

  test("whoever is removed keeps nothing", () => {
    const people = members(3)
    const { epoch } = secretsOf(restoreMember(suite, at(people, 2).serialize()))
    const { message } = at(people, 0).commit({ ...clock, proposals: [{ kind: "remove", removed: 2 }] })
    const { next } = at(people, 2).process(message, clock)
    for (const secret of [...Object.values(epoch)].filter((bytes) => !isZero(bytes))) {
      expect(keeps(next, secret)).toBe(false)
    }
  })

  test("the path of a group of one has a secret that the removed cannot know", () => {
    const [first, second] = members(2)
    const secrets = new Set<string>()
    for (let i = 0; i < 2; i++) {
      const { next } = (first as Member).commit({
        ...clock,
        proposals: [{ kind: "remove", removed: (second as Member).leaf }],
      })
      secrets.add(toHex(next.epochAuthenticator()))
    }
    expect(secrets.size).toBe(2)
  })
})

/** Sender data and resumption secrets outlive their epoch by intent. */
function isOfLateMessages(before: Member, secret: Uint8Array): boolean {
  const { senderData, resumption, encryption } = secretsOf(restoreMember(suite, before.serialize())).epoch
  return [senderData, resumption, encryption].some((kept) => toHex(kept) === toHex(secret))
}

describe("proposals by reference", () => {
  test("that nobody could commit do not stop a commit", () => {
    const people = members(3)
    const twice = { ...newLeaf("twice"), signatureSecret: at(people, 2).signatureSecret.slice() }
    const rotated = at(people, 1).proposeUpdate(clock, twice)
    const added = at(people, 1).propose(addOf(newKeyPackage("new")), clock)
    let committer = at(people, 0)
    for (const { message } of [rotated, added]) committer = committer.process(message, clock).next
    const { next } = committer.commit(clock)
    expect(next.tree.memberCount).toBe(4)
    const without = committer.commit({ ...clock, leaveOut: [added.ref] })
    expect(without.next.tree.memberCount).toBe(3)
  })

  test("a ReInit ends the group", () => {
    const people = members(2)
    const reInit = {
      kind: "reInit",
      groupId: utf8("next"),
      version: 1,
      cipherSuite: 1,
      extensions: [],
    } as const
    const staged = at(people, 0).commit({ ...clock, proposals: [reInit] })
    const { next } = at(people, 1).process(staged.message, clock)
    for (const member of [staged.next, next]) {
      expect(member.isReinitialized).toBe(true)
      expect(() => member.commit(clock)).toThrow(MlsError)
      expect(() => member.encrypt(utf8("text"))).toThrow(MlsError)
      expect(member.resumptionPsk(member.context.epoch)).toHaveLength(32)
    }
  })
})

describe("hostile bytes", () => {
  test("are refused by one error, whatever they were", () => {
    const creator = newGroup("creator")
    const own = newKeyPackage("joiner")
    const first = creator.commit({ ...clock, proposals: [addOf(own)], treeInWelcome: true })
    const welcome = first.welcome as Uint8Array
    const member = Member.join(suite, welcome, own)
    const encrypted = first.next.commit({ ...clock, encrypted: true }).message
    const groupInfo = first.next.encodedGroupInfo([{ type: 2, data: first.next.tree.encode() }])
    const joining = { ...clock, leaf: newLeaf("outsider") }
    const attempts: [Uint8Array, (bytes: Uint8Array) => unknown][] = [
      [first.next.commit(clock).message, (bytes) => member.process(bytes, clock)],
      [encrypted, (bytes) => member.process(bytes, clock)],
      [
        first.next.propose({ kind: "remove", removed: 1 }, clock).message,
        (bytes) => member.process(bytes, clock),
      ],
      [first.next.encrypt(utf8("text")).message, (bytes) => member.decrypt(bytes)],
      [welcome, (bytes) => Member.join(suite, bytes, own)],
      [groupInfo, (bytes) => Member.joinExternal(suite, bytes, joining)],
    ]
    for (const [good, take] of attempts) expect(() => take(good)).not.toThrow()
    const before = toHex(member.serialize())
    fc.assert(
      fc.property(
        fc.constantFrom(...attempts),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        ([good, take], place, change) => {
          const changed = good.slice()
          const index = place % good.length
          changed[index] = (changed[index] as number) ^ change
          for (const bad of [changed, good.subarray(0, index), new Uint8Array([...good, 0])]) {
            expect(() => take(bad)).toThrow(MlsError)
          }
        },
      ),
      { numRuns: 300 },
    )
    expect(toHex(member.serialize())).toBe(before)
  })

  test("a damaged state is refused or read, and never anything else", () => {
    const bytes = at(members(2), 1).serialize()
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), (place, change) => {
        const damaged = bytes.slice()
        const index = place % bytes.length
        damaged[index] = (damaged[index] as number) ^ change
        for (const bad of [damaged, bytes.subarray(0, index)]) {
          try {
            Member.restore(suite, bad)
          } catch (error) {
            expect(error).toBeInstanceOf(MlsError)
          }
        }
      }),
      { numRuns: 300 },
    )
  })
})
