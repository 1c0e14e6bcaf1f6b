import { describe, expect, test } from "bun:test"
import { hpkeSuite } from "./hpke.ts"
import p256 from "./rfc9180-p256.json"

/** RFC 9180 appendix A.3.1: P-256 in base mode, with three of its messages. */

const [vector] = p256 as unknown as [Record<string, unknown>]

async function outcomesOf(json: unknown): Promise<{ outcomes: string[]; reasons: (string | undefined)[] }> {
  const outcomes: string[] = []
  const reasons: (string | undefined)[] = []
  await hpkeSuite.run(json, (_, outcome, why) => {
    outcomes.push(outcome)
    reasons.push(why)
  })
  return { outcomes, reasons }
}

function flipped(hex: string): string {
  return `${hex.slice(0, -1)}${hex.endsWith("0") ? "1" : "0"}`
}

/** The value with each of its hexadecimal strings changed, one at a time, and the names of them. */
function* changed(value: unknown, name: string): Generator<[name: string, value: unknown]> {
  if (typeof value === "string") yield [name, flipped(value)]
  else if (typeof value === "object" && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      for (const [at, other] of changed(inner, `${name}.${key}`)) {
        yield [at, Array.isArray(value) ? value.with(Number(key), other) : { ...value, [key]: other }]
      }
    }
  }
}

describe("HPKE vectors", () => {
  test("of P-256 pass, messages beyond the first included", async () => {
    expect(hpkeSuite.recognise(p256)).toBe(true)
    const { outcomes } = await outcomesOf(p256)
    expect(outcomes).toEqual(Array(1 + 3 + 3).fill("passed"))
  })

  test("with anything in them changed fail", async () => {
    const names: string[] = []
    for (const [name, other] of changed(vector, "vector")) {
      names.push(name)
      const { outcomes } = await outcomesOf([other])
      expect([name, outcomes.includes("failed")]).toEqual([name, true])
    }
    expect(names).toContain("vector.encryptions.2.nonce")
    expect(names).toContain("vector.exports.0.exported_value")
  })

  test.each([
    ["HPKE: mode psk is not implemented", { mode: 1 }],
    ["HPKE: mode 9 is not implemented", { mode: 9 }],
    ["HPKE: KEM P-521 is not implemented", { kem_id: 0x12 }],
    ["HPKE: KEM 153 is not implemented", { kem_id: 0x99 }],
    ["HPKE: KDF HKDF-SHA512 is not implemented", { kdf_id: 3 }],
    ["HPKE: AEAD 4 is not implemented", { aead_id: 4 }],
  ])("are skipped with the reason %s", async (why, change) => {
    expect(await outcomesOf([{ ...vector, ...change }])).toEqual({ outcomes: ["skipped"], reasons: [why] })
  })
})
