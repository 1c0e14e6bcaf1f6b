import { expect, test } from "bun:test"
import fc from "fast-check"
import {
  changeMembers,
  decodeHead,
  type Head,
  type HeadLeaf,
  memberAt,
  writeHead,
} from "../../src/ds/head.ts"
import { monthOf } from "../../src/month.ts"
import { CodecError, encodeWith } from "../../src/wire/tls.ts"

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const u32 = fc.nat({ max: 0xffff_ffff })
const bytes = (max: number) => fc.uint8Array({ maxLength: max })
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })

const member: fc.Arbitrary<HeadLeaf> = fc.record({
  leaf: fc.nat({ max: 30 }),
  signatureKey: hash,
  queueConfig: bytes(300),
  ticket: fc.option(bytes(100), { nil: undefined }),
  activityMonth: fc.nat({ max: 0xffff }),
  activityEpoch: u64,
})
const members = fc
  .uniqueArray(member, { selector: ({ leaf }) => leaf, maxLength: 20 })
  .map((list) => list.sort((a, b) => a.leaf - b.leaf))
const extensions = fc.array(fc.record({ type: fc.nat({ max: 0xffff }), data: bytes(20) }), { maxLength: 3 })
const head: fc.Arbitrary<Head> = fc.record({
  treeWrites: u64,
  lastCommit: fc.option(fc.record({ hash, leaf: u32, requestKey: hash }), { nil: undefined }),
  secret: hash,
  state: fc.record({
    context: fc.record({
      cipherSuite: fc.nat({ max: 0xffff }),
      groupId: bytes(16),
      epoch: u64,
      treeHash: hash,
      confirmedTranscriptHash: hash,
      extensions,
    }),
    interimTranscriptHash: hash,
    confirmationTag: hash,
  }),
  groupInfo: fc.record({ extensions: bytes(60), signer: u32, signature: bytes(64) }),
  leaves: members,
  proposals: fc.array(fc.record({ leaf: u32, byServer: fc.boolean(), message: bytes(200) }), {
    maxLength: 4,
  }),
})

test("heads round-trip, and nothing but a whole head decodes", () => {
  fc.assert(
    fc.property(head, fc.nat(), (value, cut) => {
      const encoded = encodeWith(value, writeHead)
      expect(decodeHead(encoded)).toEqual(value)
      expect(() => decodeHead(encoded.subarray(0, cut % encoded.length))).toThrow(CodecError)
      expect(() => decodeHead(Uint8Array.of(...encoded, 0))).toThrow(CodecError)
      expect(() => decodeHead(encoded.with(0, 2))).toThrow(CodecError)
    }),
    { numRuns: 150 },
  )
})

test("members are found, leave, come and change as in a map", () => {
  fc.assert(
    fc.property(head, fc.array(fc.nat({ max: 30 })), members, (value, gone, present) => {
      const model = new Map(value.leaves.map((one) => [one.leaf, one]))
      for (let leaf = 0; leaf <= 31; leaf++) expect(memberAt(value, leaf)).toEqual(model.get(leaf))
      for (const leaf of gone) model.delete(leaf)
      for (const one of present) model.set(one.leaf, one)
      const expected = [...model.values()].sort((a, b) => a.leaf - b.leaf)
      expect(changeMembers(value.leaves, gone, present)).toEqual(expected)
    }),
    { numRuns: 150 },
  )
})

test("months are counted from January 2020 in UTC", () => {
  expect(monthOf(Date.UTC(2020, 0, 1))).toBe(0)
  expect(monthOf(Date.UTC(2020, 0, 31, 23, 59, 59, 999))).toBe(0)
  expect(monthOf(Date.UTC(2020, 1, 1))).toBe(1)
  expect(monthOf(Date.UTC(2026, 10, 23))).toBe(82)
})
