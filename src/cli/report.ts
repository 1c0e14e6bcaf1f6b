import { formatFingerprint } from "../config/authority/description.ts"

/** What a command has to say: facts for programs, and for people a headline, the facts under it, and what comes next. */
export interface Report {
  readonly headline: string
  readonly facts: Readonly<Record<string, string | number | boolean | null>>
  readonly advice: readonly string[]
}

/** Prints a report: as JSON the facts alone. Hexadecimal of 32 bytes is shown in groups, to be compared by eye. */
export function report({ headline, facts, advice }: Report, asJson: boolean): void {
  if (asJson) {
    console.log(JSON.stringify(facts))
    return
  }
  console.log(headline)
  const width = Math.max(...Object.keys(facts).map((name) => name.length))
  for (const [name, value] of Object.entries(facts))
    console.log(`  ${name.padEnd(width)}  ${readable(value)}`)
  for (const line of advice) console.log(line)
}

function readable(value: string | number | boolean | null): string {
  if (value === null) return "none"
  if (typeof value === "boolean") return value ? "yes" : "no"
  if (typeof value === "number") return value.toLocaleString("en").replaceAll(",", " ")
  return /^[0-9a-f]{64}$/.test(value) ? formatFingerprint(value) : value
}
