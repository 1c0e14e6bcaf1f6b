import { expect, test } from "bun:test"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { isZero } from "../../src/crypto/wipe.ts"
import { Reservations } from "../../src/ds/reservations.ts"
import { RESERVED_GROUP_ID_SECONDS, RESERVED_GROUP_IDS_MAX } from "../../src/limits.ts"
import { Problem } from "../../src/wire/problem.ts"

test("ids are fresh, and there are never more than the server remembers", () => {
  let now = 0
  let drawn = 0
  const random = (length: number) => {
    const bytes = new Uint8Array(length)
    if (length === 16) new DataView(bytes.buffer).setUint32(0, Math.floor(drawn++ / 2))
    return bytes
  }
  const reservations = new Reservations({ ...nativeCrypto, random }, () => now)
  const reserve = () => reservations.reserve(() => false).groupId
  const first = reserve()
  expect(reserve()).not.toEqual(first)
  const third = reservations.reserve((id) => id[3] === 2).groupId
  expect(third[3]).toBe(3)
  for (let i = 3; i < RESERVED_GROUP_IDS_MAX; i++) reserve()
  expect(reserve).toThrow(new Problem("server.overloaded"))
  expect(reservations.secretOf(first)).toBeDefined()
  now = 1000 * RESERVED_GROUP_ID_SECONDS
  expect(reservations.secretOf(first)).toBeUndefined()
  const next = reserve()
  expect(reservations.secretOf(next)).toBeDefined()
  reservations.release(next)
  expect(reservations.secretOf(next)).toBeUndefined()
})

test("the secret of a group that was not created is overwritten", () => {
  let now = 0
  const reservations = new Reservations(nativeCrypto, () => now)
  const [released, expired] = [1, 2].map(() => reservations.reserve(() => false))
  expect([released, expired].map((one) => isZero(one?.secret ?? new Uint8Array(1)))).toEqual([false, false])
  reservations.release(released?.groupId as Uint8Array)
  now = 1000 * RESERVED_GROUP_ID_SECONDS
  reservations.reserve(() => false)
  expect([released, expired].map((one) => isZero(one?.secret as Uint8Array))).toEqual([true, true])
})
