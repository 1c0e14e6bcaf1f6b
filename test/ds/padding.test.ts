import { expect, test } from "bun:test"
import fc from "fast-check"
import { EAR_OVERHEAD_BYTES } from "../../src/crypto/ear.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { RecordPadding } from "../../src/ds/record-padding.ts"
import { SizeHistogram } from "../../src/ds/size-histogram.ts"
import { GROUP_STATE_BYTES_MAX, SIZES_NEEDED, SIZES_REMEMBERED_MAX } from "../../src/limits.ts"
import { byLeaf, createGroup, updating } from "./group.ts"
import { rowsOf } from "./rows.ts"
import { World } from "./world.ts"

const id = () => nativeCrypto.random(16)
const anySize = fc.oneof(fc.nat({ max: 5000 }), fc.nat({ max: 2 ** 20 }))

test("a snapshot sees as many groups of one size as the operator asked for, whatever they hold", () => {
  const sizes = fc.array(anySize, { minLength: SIZES_NEEDED, maxLength: 80 })
  fc.assert(
    fc.property(
      fc.constantFrom("doubling" as const, "percentile" as const),
      sizes,
      fc.integer({ min: 1, max: 10 }),
      (kind, list, percentile) => {
        const padding = new RecordPadding({ kind, unitBytes: 4096, percentile })
        const groups = list.map((bytes) => ({ bytes, group: id() }))
        for (const { group, bytes } of groups) padding.lengthFor("tree", group, bytes)
        const seen = groups.map(({ group, bytes }) => padding.lengthFor("tree", group, bytes))
        const smallest = Math.min(...seen)
        const alike = seen.filter((length) => length === smallest)
        expect(alike.length).toBeGreaterThanOrEqual((list.length * percentile) / 10)
        for (const length of seen) {
          const units = length / smallest
          expect(Number.isInteger(kind === "doubling" ? Math.log2(units) : units)).toBe(true)
        }
      },
    ),
    { numRuns: 200 },
  )
})

test("heads and trees have units of their own, and neither is below the operator's", () => {
  const padding = new RecordPadding({ kind: "percentile", unitBytes: 5000, percentile: 8 })
  for (let i = 0; i < SIZES_NEEDED; i++) padding.lengthFor("tree", id(), 60_000)
  expect(padding.lengthFor("tree", id(), 1)).toBe(65_536)
  expect(padding.lengthFor("tree", id(), 65_537)).toBe(2 * 65_536)
  expect(padding.lengthFor("head", id(), 1)).toBe(5000)
  expect(padding.lengthFor("head", id(), 10_001)).toBe(15_000)
})

test("what a record took is remembered coarsely, for heads and trees of each group", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: GROUP_STATE_BYTES_MAX }), (bytes) => {
      const padding = new RecordPadding({ kind: "doubling", unitBytes: 4096, percentile: 8 })
      const group = id()
      const length = padding.lengthFor("tree", group, bytes)
      expect(padding.lengthBefore("tree", group)).toBe(length)
      expect([padding.lengthBefore("head", group), padding.lengthBefore("tree", id())]).toEqual([0, 0])
    }),
    { numRuns: 100 },
  )
})

test("a group counts once, however often it is written, and the server forgets the ones of long ago", () => {
  const histogram = new SizeHistogram()
  for (let i = 0; i < SIZES_NEEDED - 1; i++) histogram.note(id(), 100)
  const large = id()
  expect(histogram.holding(10)).toBeUndefined()
  for (let i = 0; i < 1000; i++) histogram.note(large, 500_000)
  expect([histogram.holding(8), histogram.holding(10)]).toEqual([4096, 2 ** 19])
  histogram.note(large, 100)
  expect(histogram.holding(10)).toBe(4096)
  for (let i = 0; i < SIZES_REMEMBERED_MAX; i++) histogram.note(id(), 10_000)
  expect(histogram.holding(1)).toBe(16_384)
})

test("when the policy changes, a record gets its new size when it is written the next time", async () => {
  await using world = await World.start()
  const { member: alice, group } = await createGroup(world, "alice")
  const lengths = () => {
    const { head, tree } = rowsOf(world.store, group.groupId)
    return [head, tree].map(({ ciphertext }) => ciphertext.length - EAR_OVERHEAD_BYTES)
  }
  expect(lengths()).toEqual([4096, 4096])
  world.padding = { kind: "percentile", unitBytes: 12_288, percentile: 8 }
  await world.restart()
  expect(lengths()).toEqual([4096, 4096])
  const { params, pending } = await updating(group, alice)
  await world.call("updateClient", byLeaf(alice), params)
  pending.accept()
  expect(lengths()).toEqual([12_288, 12_288])
  world.padding = { kind: "doubling", unitBytes: 4096, percentile: 8 }
  await world.restart()
  const next = await updating(group, alice)
  await world.call("updateClient", byLeaf(alice), next.params)
  expect(lengths()).toEqual([4096, 4096])
})
