import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { nativeCrypto } from "../src/crypto/native.ts"
import { Quota } from "../src/quota.ts"

const target = (number: number) => Uint8Array.of(1, 2, 3, number)

describe("a quota", () => {
  test("gives each target its turns in each period, and no more", () => {
    const step = fc.record({ target: fc.nat(4), seconds: fc.nat(40) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.integer({ min: 1, max: 4 }), (steps, turns) => {
        let now = 1_000_000
        const quota = new Quota(nativeCrypto, () => now, { turns, periodSeconds: 100, targetsMax: 10 })
        let end = 0
        let taken = new Map<number, number>()
        for (const { target: number, seconds } of steps) {
          now += 1000 * seconds
          if (now >= end) {
            end = now + 100_000
            taken = new Map()
          }
          const before = taken.get(number) ?? 0
          expect(quota.take(target(number))).toBe(before < turns)
          taken.set(number, Math.min(before + 1, turns))
        }
        quota.forget()
      }),
    )
  })

  test("remembers no more targets than it may; the others have no turn, those it knows keep theirs", () => {
    const quota = new Quota(nativeCrypto, () => 0, { turns: 2, periodSeconds: 100, targetsMax: 2 })
    expect([1, 2, 3, 1, 3, 2].map((number) => quota.take(target(number)))).toEqual([
      true,
      true,
      false,
      true,
      false,
      true,
    ])
    quota.forget()
    expect(quota.take(target(3))).toBe(true)
    quota.forget()
  })

  test("names its targets by a key that is overwritten when the period ends, and never used again", () => {
    let now = 0
    const keys: Uint8Array[] = []
    const crypto = {
      ...nativeCrypto,
      hmacSha256(key: Uint8Array, data: Uint8Array) {
        if (keys.at(-1) !== key) keys.push(key)
        return nativeCrypto.hmacSha256(key, data)
      },
    }
    const quota = new Quota(crypto, () => now, { turns: 1, periodSeconds: 100, targetsMax: 2 })
    quota.take(target(1))
    const first = keys[0]!.slice()
    now = 99_999
    quota.take(target(2))
    expect(keys).toHaveLength(1)
    now = 100_000
    quota.take(target(1))
    quota.forget()
    expect(keys).toHaveLength(2)
    expect(keys).toEqual([new Uint8Array(32), new Uint8Array(32)])
    expect(first).not.toEqual(new Uint8Array(32))
  })
})
