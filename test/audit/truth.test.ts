import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { encodeTruth, NoTruth, parseTruth, type Truth } from "../../src/audit/truth.ts"

const id = fc.uint8Array({ minLength: 16, maxLength: 64 }).map((bytes) => bytes.toHex())
const pairs = fc.array(fc.tuple(id, id), { maxLength: 4 })
const truths: fc.Arbitrary<Truth> = fc.record({
  groups: fc.array(fc.array(id, { maxLength: 5 }), { maxLength: 4 }),
  pseudonyms: pairs,
  aliases: pairs,
  entries: pairs,
})

const ID = "00".repeat(16)
const nothing = { groups: [], pseudonyms: [], aliases: [], entries: [] }

describe("a truth", () => {
  test("is read as it was written", () => {
    fc.assert(fc.property(truths, (truth) => expect(parseTruth(encodeTruth(truth))).toEqual(truth)))
  })

  test.each([
    ["", "it is not JSON"],
    ["[]", "it is not an object"],
    ["null", "it is not an object"],
    ["{}", '"groups" is not a list'],
    [JSON.stringify({ ...nothing, owners: [] }), '"owners" is not known'],
    [JSON.stringify({ ...nothing, groups: [[ID], ID] }), '"groups", number 2, is not a list'],
    [JSON.stringify({ ...nothing, aliases: [[ID]] }), '"aliases", number 1, has not 2 ids'],
    [
      JSON.stringify({ ...nothing, entries: [[ID, "0011"]] }),
      '"entries", number 1, has something that is no id of 16 to 64 bytes in hexadecimal',
    ],
    [
      JSON.stringify({ ...nothing, groups: [[7]] }),
      '"groups", number 1, has something that is no id of 16 to 64 bytes in hexadecimal',
    ],
  ])("is not %s, and says why", (text, reason) => {
    expect(() => parseTruth(text)).toThrow(new NoTruth(reason))
  })
})
