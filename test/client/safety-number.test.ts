import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { type Party, safetyNumber } from "../../src/client/safety-number.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { portableCrypto } from "../../src/crypto/portable.ts"

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const party: fc.Arbitrary<Party> = fc.record({
  user: fc.uuid().map((uuid) => `${uuid}@example.org`),
  clients: fc.array(fc.record({ client: bytes(32), key: bytes(32) }), { minLength: 1, maxLength: 3 }),
})

const alice: Party = {
  user: "11111111-1111-1111-1111-111111111111@example.org",
  clients: [{ client: new Uint8Array(32).fill(0x11), key: new Uint8Array(32).fill(1) }],
}
const bob: Party = {
  user: "22222222-2222-2222-2222-222222222222@example.org",
  clients: [{ client: new Uint8Array(32).fill(0x22), key: new Uint8Array(32).fill(2) }],
}

describe("a safety number", () => {
  test("has sixty digits, the same on both sides and with both providers", () => {
    fc.assert(
      fc.property(party, party, (one, other) => {
        const number = safetyNumber(crypto, one, other)
        expect(number).toMatch(/^\d{60}$/)
        expect(safetyNumber(crypto, other, one)).toBe(number)
      }),
      { numRuns: 20 },
    )
    expect(safetyNumber(portableCrypto, alice, bob)).toBe(safetyNumber(crypto, alice, bob))
  })

  test("does not depend on the order in which clients are known, nor on how often", () => {
    const second = { client: new Uint8Array(32).fill(0x33), key: new Uint8Array(32).fill(3) }
    const [first] = alice.clients as [Party["clients"][number]]
    const numbers = [
      [first, second],
      [second, first],
      [second, first, second],
    ].map((clients) => safetyNumber(crypto, { ...alice, clients }, bob))
    expect(new Set(numbers).size).toBe(1)
    expect(numbers[0]).not.toBe(safetyNumber(crypto, alice, bob))
  })

  test("changes with every key, client and user of either", () => {
    const change = (original: Uint8Array) => original.map((byte, i) => (i === 31 ? byte ^ 1 : byte))
    const [{ client, key }] = bob.clients as [Party["clients"][number]]
    const numbers = [
      bob,
      { ...bob, clients: [{ client, key: change(key) }] },
      { ...bob, clients: [{ client: change(client), key }] },
      { ...bob, clients: [...bob.clients, { client, key: change(key) }] },
      { ...bob, user: bob.user.replace("example.org", "example.net") },
    ].map((other) => safetyNumber(crypto, alice, other))
    expect(new Set(numbers).size).toBe(numbers.length)
  })

  test("is what it was in the first version, so that people who compared once need not again", () => {
    expect(safetyNumber(crypto, alice, bob)).toBe(
      "202985117971817106131445447655777217140408729662927434128166",
    )
  })

  test("is refused for keys that are none", () => {
    const short = { ...bob, clients: [{ client: new Uint8Array(31), key: new Uint8Array(32) }] }
    expect(() => safetyNumber(crypto, alice, short)).toThrow(TypeError)
  })
})
