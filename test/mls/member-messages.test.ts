import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { MlsError } from "../../src/mls/error.ts"
import type { Member } from "../../src/mls/member/group.ts"
import { toHex, utf8 } from "../../src/wire/bytes.ts"
import { changedAt, clock, groupOf } from "./member-fixtures.ts"

const [alice, bob, carol] = groupOf(3) as [Member, Member, Member]
const nonZeroByte = fc.integer({ min: 1, max: 255 })
const removal = { kind: "remove", removed: 2 } as const

describe("a message", () => {
  const encrypted = { ...clock, encrypted: true }
  const authenticatedData = utf8("authenticated")
  const kinds: [string, Uint8Array, (reader: Member, bytes: Uint8Array) => unknown][] = [
    ["of application data", alice.encrypt(utf8("text"), authenticatedData).message, (m, b) => m.decrypt(b)],
    [
      "with an encrypted proposal",
      alice.propose(removal, { ...encrypted, authenticatedData }).message,
      (m, b) => m.process(b, clock),
    ],
    ["with an encrypted commit", alice.commit(encrypted).message, (m, b) => m.process(b, clock)],
    ["with a public proposal", alice.propose(removal, clock).message, (m, b) => m.process(b, clock)],
    ["with a public commit", alice.commit(clock).message, (m, b) => m.process(b, clock)],
  ]
  for (const [name, message, read] of kinds) {
    test(`${name} is refused if any byte of it is changed, missing or added, and opens afterwards`, () => {
      const before = toHex(bob.serialize())
      fc.assert(
        fc.property(nonZeroByte, (change) => {
          for (let place = 0; place < message.length; place++) {
            expect(() => read(bob, changedAt(message, place, change))).toThrow(MlsError)
          }
        }),
        { numRuns: 2 },
      )
      for (let length = 0; length < message.length; length++) {
        expect(() => read(bob, message.subarray(0, length))).toThrow(MlsError)
      }
      expect(() => read(bob, new Uint8Array([...message, 0]))).toThrow(MlsError)
      expect(toHex(bob.serialize())).toBe(before)
      expect(() => read(bob, message)).not.toThrow()
    })
  }
})

describe("application messages", () => {
  const schedules = fc
    .array(fc.record({ fromAlice: fc.boolean(), text: fc.uint8Array({ maxLength: 600 }) }), { maxLength: 12 })
    .chain((sent) =>
      fc.record({
        sent: fc.constant(sent),
        order: fc.shuffledSubarray([...sent.keys()]),
        place: fc.nat(),
        change: nonZeroByte,
      }),
    )

  test("open once each, in any order and with losses, whatever forgeries of them came before", () => {
    fc.assert(
      fc.property(schedules, ({ sent, order, place, change }) => {
        let [a, b, reader] = [alice, bob, carol]
        const messages = sent.map(({ fromAlice, text }) => {
          const { message, next } = (fromAlice ? a : b).encrypt(text)
          if (fromAlice) a = next
          else b = next
          return message
        })
        for (const index of order) {
          const message = messages[index] as Uint8Array
          expect(() => reader.decrypt(changedAt(message, place, change))).toThrow(MlsError)
          const { plaintext, sender, next } = reader.decrypt(message)
          expect(toHex(plaintext)).toBe(toHex(sent[index]?.text as Uint8Array))
          expect(sender).toBe(sent[index]?.fromAlice ? alice.leaf : bob.leaf)
          reader = next
          expect(() => reader.decrypt(message)).toThrow(MlsError)
        }
      }),
      { numRuns: 100 },
    )
  })
})
