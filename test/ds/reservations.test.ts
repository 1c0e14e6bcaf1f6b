import { expect, test } from "bun:test"
import { Reservations } from "../../src/ds/reservations.ts"
import { RESERVED_GROUP_ID_SECONDS, RESERVED_GROUP_IDS_MAX } from "../../src/limits.ts"
import { Problem } from "../../src/wire/problem.ts"

test("ids are fresh, and there are never more than the server remembers", () => {
  let now = 0
  let drawn = 0
  const random = (length: number) => {
    const bytes = new Uint8Array(length)
    new DataView(bytes.buffer).setUint32(0, Math.floor(drawn++ / 2))
    return bytes
  }
  const reservations = new Reservations(random, () => now)
  const first = reservations.reserve(() => false)
  const second = reservations.reserve(() => false)
  expect(second).not.toEqual(first)
  const third = reservations.reserve((id) => id[3] === 2)
  expect(third[3]).toBe(3)
  for (let i = 3; i < RESERVED_GROUP_IDS_MAX; i++) reservations.reserve(() => false)
  expect(() => reservations.reserve(() => false)).toThrow(new Problem("server.overloaded"))
  expect(reservations.has(first)).toBe(true)
  now = 1000 * RESERVED_GROUP_ID_SECONDS
  expect(reservations.has(first)).toBe(false)
  const next = reservations.reserve(() => false)
  expect(reservations.has(next)).toBe(true)
  reservations.release(next)
  expect(reservations.has(next)).toBe(false)
})
