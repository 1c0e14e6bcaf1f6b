import { describe, expect, test } from "bun:test"
import { MlsError } from "../../src/mls/error.ts"
import { memberRules } from "../../src/mls/member/rules.ts"
import { type Rule, rules } from "../../src/mls/rules.ts"
import { memberRefusals } from "./member-refusals.ts"

function thrownBy(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

describe("the members' rules", () => {
  for (const [name, rule] of Object.entries<Rule>(memberRules)) {
    test(`${rule.id} ${rule.code}`, () => {
      const error = thrownBy(memberRefusals[name as keyof typeof memberRules])
      expect(error).toBeInstanceOf(MlsError)
      expect(error).toMatchObject({ rule: rule.id, code: rule.code, message: rule.text })
    })
  }

  test("have ids and codes of their own", () => {
    const all = [...Object.values<Rule>(memberRules), ...Object.values<Rule>(rules)]
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length)
    expect(new Set(all.map(({ code }) => code)).size).toBe(all.length)
  })
})
