import { expect, test } from "bun:test"
import fc from "fast-check"
import { decodeHead, type Head, writeHead } from "../../src/ds/head.ts"
import { monthOf } from "../../src/month.ts"
import { CodecError, encodeWith } from "../../src/wire/tls.ts"
import { members, plain } from "./members.ts"

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const u32 = fc.nat({ max: 0xffff_ffff })
const bytes = (max: number) => fc.uint8Array({ maxLength: max })
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })

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
      const decoded = decodeHead(encoded)
      expect({ ...decoded, leaves: decoded.leaves.map(plain) } as Head).toEqual(value)
      expect(encodeWith(decoded, writeHead)).toEqual(encoded)
      expect(() => decodeHead(encoded.subarray(0, cut % encoded.length))).toThrow(CodecError)
      expect(() => decodeHead(Uint8Array.of(...encoded, 0))).toThrow(CodecError)
      expect(() => decodeHead(encoded.with(0, 2))).toThrow(CodecError)
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
