import fc from "fast-check"
import { changedMember, type HeadLeaf } from "../../src/ds/members.ts"

const bytes = (max: number) => fc.uint8Array({ maxLength: max })

const member: fc.Arbitrary<HeadLeaf> = fc.record({
  leaf: fc.nat({ max: 30 }),
  signatureKey: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  queueConfig: bytes(300),
  ticket: fc.option(bytes(100), { nil: undefined }),
  activityMonth: fc.nat({ max: 0xffff }),
  activityEpoch: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
})

/** Members of different leaves, in their order. */
export const members = fc
  .uniqueArray(member, { selector: ({ leaf }) => leaf, maxLength: 20 })
  .map((list): readonly HeadLeaf[] => list.sort((a, b) => a.leaf - b.leaf))

/** All that a member has, read. */
export function plain(of: HeadLeaf): HeadLeaf {
  return changedMember(of, {})
}
