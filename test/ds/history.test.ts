import { expect, test } from "bun:test"
import fc from "fast-check"
import {
  type CredentialChange,
  changeCredentials,
  type EncryptedCredentials,
  listCredentials,
} from "../../src/ds/credentials.ts"
import {
  type EpochRecord,
  findJoiner,
  type Joiner,
  readEpochRecord,
  recordCommit,
  undosBackTo,
  writeEpochRecord,
} from "../../src/ds/history.ts"
import { HISTORY_EPOCHS_MAX } from "../../src/limits.ts"
import { decodeAll, encodeWith } from "../../src/wire/tls.ts"

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const leaf = fc.integer({ min: 0, max: 7 })
const change: fc.Arbitrary<CredentialChange> = fc.record({
  leaf,
  credential: fc.option(fc.uint8Array({ minLength: 1, maxLength: 3 }), { nil: undefined }),
})

interface Step {
  readonly changes: readonly CredentialChange[]
  readonly added: readonly number[]
  readonly settled: readonly number[]
  readonly seconds: number
}
const step: fc.Arbitrary<Step> = fc.record({
  changes: fc.array(change, { maxLength: 4 }),
  added: fc.uniqueArray(leaf, { maxLength: 2 }),
  settled: fc.uniqueArray(leaf, { maxLength: 2 }),
  seconds: fc.integer({ min: 0, max: 40 }),
})

function joinerAt(leafIndex: number, epoch: number, now: number): Joiner {
  const ref = new Uint8Array(32).fill(leafIndex)
  ref[0] = epoch
  return { ref, leaf: leafIndex, signatureKey: new Uint8Array(32), notAfter: BigInt(now + 50) }
}

test("the log leads back to every epoch that somebody awaits, and is no longer than it has to be", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      let credentials: EncryptedCredentials = []
      let history: EpochRecord[] = []
      let now = 0
      let awaited: { joiner: Joiner; epoch: number }[] = []
      const copies = [listCredentials(credentials)]
      for (const [i, { changes, added, settled, seconds }] of steps.entries()) {
        const epoch = i + 1
        now += seconds
        const joiners = added.map((leafIndex) => joinerAt(leafIndex, epoch, now))
        const changed = changeCredentials(credentials, changes)
        const undo = { tree: Uint8Array.of(i), credentials: changed.undo }
        const accepted = { epoch: BigInt(epoch), undo, joiners, settled, now: BigInt(now) }
        history = recordCommit(history, accepted)
        credentials = changed.credentials
        copies.push(listCredentials(credentials))
        awaited = awaited.filter(({ joiner }) => !settled.includes(joiner.leaf) && joiner.notAfter >= now)
        awaited.push(...joiners.map((joiner) => ({ joiner, epoch })))

        for (const { joiner, epoch: then } of awaited) {
          const found = (at: bigint) => findJoiner(history, BigInt(then), joiner.ref, at)
          expect([found(BigInt(now)), found(joiner.notAfter + 1n)]).toEqual([joiner, undefined])
          const undos = undosBackTo(history, BigInt(then))
          expect(undos.map(({ tree }) => tree[0])).toEqual(
            Array.from({ length: epoch - then }, (_, k) => epoch - 1 - k),
          )
          const reverted = undos.reduce(
            (c, u) => changeCredentials(c, u.credentials).credentials,
            credentials,
          )
          expect(listCredentials(reverted)).toEqual(copies[then] ?? [])
        }
        const oldest = Math.min(...awaited.map(({ epoch: then }) => then))
        expect(history).toHaveLength(awaited.length === 0 ? 0 : epoch - oldest + 1)
        expect(history.flatMap(({ joiners: all }) => all)).toHaveLength(awaited.length)
      }
    }),
    { numRuns: 150 },
  )
})

test("a joiner who never comes cannot make the log endless", () => {
  const stays = joinerAt(1, 1, 1_000_000)
  let history: EpochRecord[] = []
  for (let epoch = 1; epoch <= HISTORY_EPOCHS_MAX + 10; epoch++) {
    history = recordCommit(history, {
      epoch: BigInt(epoch),
      undo: { tree: new Uint8Array(8), credentials: [] },
      joiners: epoch === 1 || epoch === 20 ? [{ ...stays, leaf: epoch }] : [],
      settled: [],
      now: 0n,
    })
    expect(history.length).toBeLessThanOrEqual(HISTORY_EPOCHS_MAX)
  }
  expect(history[0]?.epoch).toBe(20n)

  const heavy = { tree: new Uint8Array(9 * 1024 * 1024), credentials: [] }
  const short = [1, 2, 3].reduce<EpochRecord[]>(
    (log, epoch) =>
      recordCommit(log, { epoch: BigInt(epoch), undo: heavy, joiners: [stays], settled: [], now: 0n }),
    [],
  )
  expect(short.map(({ epoch }) => epoch)).toEqual([2n, 3n])
})

test("epoch records round-trip", () => {
  const epochRecord: fc.Arbitrary<EpochRecord> = fc.record({
    epoch: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    joiners: fc.array(
      fc.record({
        ref: bytes(32),
        leaf,
        signatureKey: bytes(32),
        notAfter: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      }),
      { maxLength: 3 },
    ),
    undo: fc.option(
      fc.record({ tree: fc.uint8Array({ maxLength: 80 }), credentials: fc.array(change, { maxLength: 4 }) }),
      { nil: undefined },
    ),
  })
  fc.assert(
    fc.property(epochRecord, (record) => {
      expect(decodeAll(encodeWith(record, writeEpochRecord), readEpochRecord)).toEqual(record)
    }),
    { numRuns: 200 },
  )
})
