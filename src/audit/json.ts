import { type Audit, holds } from "./audit.ts"

/** What an audit found, for programs: one object, whose `checks` are `{id, pass, measure, chance, ci, words}` and more. */
export function asJson(audit: Audit): object {
  return {
    pass: holds(audit),
    directories: audit.directories,
    seen: audit.seen,
    checks: audit.findings.map(({ id, pass, question, measure, chance, unit, words, details }) => {
      return {
        id,
        pass,
        question,
        measure: measure.value,
        chance,
        ci: [measure.low, measure.high],
        unit,
        words,
        details,
      }
    }),
  }
}
