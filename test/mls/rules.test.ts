import { describe, expect, test } from "bun:test"
import { MlsError } from "../../src/mls/error.ts"
import { type Rule, rules } from "../../src/mls/rules.ts"
import { acceptances, refusals } from "./refusals.ts"
import { groupAcceptances } from "./refusals-group.ts"

function thrownBy(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

describe("the observer's rules", () => {
  for (const [name, rule] of Object.entries<Rule>(rules)) {
    test(`${rule.id} ${rule.code}`, () => {
      const refused = refusals[name as keyof typeof rules]
      if (refused === undefined) throw new Error("no case for this rule")
      const error = thrownBy(refused)
      expect(error).toBeInstanceOf(MlsError)
      expect(error).toMatchObject({ rule: rule.id, code: rule.code, message: rule.text })
    })
  }

  test("have ids and codes of their own", () => {
    const all = Object.values<Rule>(rules)
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length)
    expect(new Set(all.map(({ code }) => code)).size).toBe(all.length)
  })
})

describe("the observer accepts", () => {
  for (const [name, accepted] of Object.entries({ ...acceptances, ...groupAcceptances })) {
    test(name, () => {
      expect(thrownBy(accepted)).toBeUndefined()
    })
  }
})
