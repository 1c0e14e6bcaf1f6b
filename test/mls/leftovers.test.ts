import { describe, expect, test } from "bun:test"
import { isZero } from "../../src/crypto/wipe.ts"
import { Member } from "../../src/mls/member/group.ts"
import { FORWARD_GENERATIONS_MAX } from "../../src/mls/member/ratchet.ts"
import { memberRules } from "../../src/mls/member/rules.ts"
import { SecretTree } from "../../src/mls/member/secret-tree.ts"
import { rules } from "../../src/mls/rules.ts"
import type { CipherSuite } from "../../src/mls/suite.ts"
import { toHex, utf8 } from "../../src/wire/bytes.ts"
import { changedAt, clock, groupOf, suite } from "./member-fixtures.ts"
import { recording } from "./recording.ts"

const ROOT = new Uint8Array(32).fill(7)
const removal = { kind: "remove", removed: 2 } as const
const [alice, bob] = groupOf(3) as [Member, Member, Member]

function over(member: Member, other: CipherSuite): Member {
  return Member.restore(other, member.serialize())
}

function expectOutOfReach(take: () => unknown): void {
  expect(take).toThrow(memberRules.generation.text)
}

describe("what a secret tree derives", () => {
  test("leads to the leaf it was asked for alone", () => {
    const width = 1024
    const { suite: noting, made } = recording(suite)
    SecretTree.create(noting, ROOT, width).receiverKey(700, "application", 0)
    const [levels, perLevel, ratchets, perGeneration] = [10, 2, 2, 3]
    expect(made).toHaveLength(levels * perLevel + ratchets + perGeneration)
  })

  test("is overwritten if the generation was too far ahead", () => {
    const { suite: noting, made } = recording(suite)
    const tree = SecretTree.create(noting, ROOT, 8)
    for (const generation of [FORWARD_GENERATIONS_MAX + 1, 0xffff_fffe, 0xffff_ffff]) {
      expectOutOfReach(() => tree.receiverKey(3, "application", generation))
      expect(made.length).toBeGreaterThan(0)
      expect(made.every(isZero)).toBeTrue()
    }
  })

  test("is nothing for a generation too far ahead of a sender that it knows", () => {
    const { suite: noting, made } = recording(suite)
    const tree = SecretTree.create(noting, ROOT, 8).receiverKey(3, "application", 0).next
    made.length = 0
    expectOutOfReach(() => tree.receiverKey(3, "application", FORWARD_GENERATIONS_MAX + 2))
    expect(made).toHaveLength(0)
  })
})

describe("what is left of a message", () => {
  const unsigned: CipherSuite = {
    ...suite,
    sign: (key) => suite.sign(key, utf8("something else")),
    verify: () => true,
  }

  test("that was refused: nothing that was derived or decrypted", () => {
    const good = alice.encrypt(utf8("text")).message
    const late = alice.encrypt(utf8("skipped")).next.encrypt(utf8("late")).message
    const refused: [Uint8Array, string][] = [
      ...[good, late].map(
        (message) =>
          [changedAt(message, message.length - 1, 1), memberRules.decryption.id] as [Uint8Array, string],
      ),
      [over(alice, unsigned).encrypt(utf8("text")).message, rules.messageSignature.id],
    ]
    for (const [message, rule] of refused) {
      const { suite: noting, made } = recording(suite)
      const reader = over(bob, noting)
      let refusal: unknown
      try {
        reader.decrypt(message)
      } catch (error) {
        refusal = error
      }
      expect(refusal).toMatchObject({ rule })
      expect(made.length).toBeGreaterThan(3)
      expect(made.every(isZero)).toBeTrue()
      expect(toHex(reader.decrypt(good).plaintext)).toBe(toHex(utf8("text")))
    }
  })

  test("that was an encrypted handshake and refused: nothing either, not even what its path was to derive", () => {
    const options = { ...clock, encrypted: true }
    const misled = {
      ...suite,
      mac: (key: Uint8Array, data: Uint8Array) => changedAt(suite.mac(key, data), 0, 1),
    }
    const refused: [Uint8Array, string][] = [
      [over(alice, unsigned).propose(removal, options).message, rules.messageSignature.id],
      [changedAt(alice.commit(options).message, 300, 1), memberRules.decryption.id],
      [over(alice, misled).commit(options).message, memberRules.confirmationTag.id],
    ]
    for (const [message, rule] of refused) {
      const { suite: noting, made } = recording(suite)
      const reader = over(bob, noting)
      let refusal: unknown
      try {
        reader.process(message, clock)
      } catch (error) {
        refusal = error
      }
      expect(refusal).toMatchObject({ rule })
      expect(made.length).toBeGreaterThan(3)
      expect(made.every(isZero)).toBeTrue()
    }
  })

  test("that was read: its plaintext once, and its key not at all", () => {
    const { suite: noting, made } = recording(suite)
    const { plaintext, next, consumed } = over(bob, noting).decrypt(alice.encrypt(utf8("text")).message)
    for (const secret of consumed) secret.fill(0)
    const kept = toHex(next.serialize())
    expect(toHex(plaintext)).toBe(toHex(utf8("text")))
    for (const bytes of made) expect(isZero(bytes) || kept.includes(toHex(bytes))).toBeTrue()
    expect(made).not.toContain(plaintext)
  })
})
