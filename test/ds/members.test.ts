import { expect, test } from "bun:test"
import fc from "fast-check"
import {
  changeMembers,
  type HeadLeaf,
  memberAt,
  readMembers,
  withTickets,
  writeMembers,
} from "../../src/ds/members.ts"
import { decodeAll, encodeWith } from "../../src/wire/tls.ts"
import { members, plain } from "./members.ts"

const leaf = fc.nat({ max: 30 })
const tickets = fc.array(fc.tuple(leaf, fc.uint8Array({ maxLength: 100 }))).map((list) => new Map(list))

function stored(list: readonly HeadLeaf[]): HeadLeaf[] {
  return decodeAll(encodeWith(list, writeMembers), readMembers)
}

test("members are found, leave, come, change and get tickets as in a map, whether they were stored before or not", () => {
  fc.assert(
    fc.property(members, fc.array(leaf), members, tickets, (before, gone, present, given) => {
      const model = new Map(before.map((one) => [one.leaf, one]))
      const opened = stored(before)
      for (let at = 0; at <= 31; at++) {
        const found = memberAt(opened, at)
        expect(found && plain(found)).toEqual(model.get(at))
      }
      for (const at of gone) model.delete(at)
      for (const one of present) model.set(one.leaf, one)
      const expected = [...model.values()]
        .sort((a, b) => a.leaf - b.leaf)
        .map((one) => ({ ...one, ticket: given.get(one.leaf) ?? one.ticket }))

      const changed = withTickets(changeMembers(opened, gone, present), given)
      expect(changed.map(plain)).toEqual(expected)
      expect(stored(changed).map(plain)).toEqual(expected)
      expect(encodeWith(changed, writeMembers)).toEqual(encodeWith(expected, writeMembers))
    }),
    { numRuns: 200 },
  )
})

test("members of different heads are written in their order", () => {
  fc.assert(
    fc.property(members, (list) => {
      const [one, other] = [stored(list), stored(list)]
      const mixed = list.map((_, i) => (i % 3 === 0 ? one[i] : other[i]) as HeadLeaf)
      expect(encodeWith(mixed, writeMembers)).toEqual(encodeWith(list, writeMembers))
    }),
    { numRuns: 50 },
  )
})
