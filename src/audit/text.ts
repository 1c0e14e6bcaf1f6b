import type { Audit } from "./audit.ts"
import { holds } from "./audit.ts"
import type { Estimate } from "./statistics.ts"

/** Paints words for terminals; elsewhere the words stay as they are. */
export type Paint = (colour: "green" | "red" | "bold" | "dim", words: string) => string

const WIDTH = 96

/** What an audit found, for people. */
export function asText(audit: Audit, paint: Paint): string {
  const { directories, seen, findings } = audit
  const width = Math.max(...seen.map(({ count }) => `${count}`.length), 1)
  const columns = Math.max(...findings.map(({ id }) => id.length))
  const lines = [
    paint("bold", "What whoever takes these files can see, as promised"),
    ...seen.map(({ what, count }) => `  ${`${count}`.padStart(width)}  ${what}`),
    "",
    paint("bold", "What they can learn beyond it"),
    ...findings.flatMap(({ id, pass, question, words, details, ...finding }) => {
      const verdict = pass ? paint("green", "ok  ") : paint("red", "LEAK")
      const amount = pass ? "" : ` (${amountOf(finding.measure, finding.unit)})`
      const margin = " ".repeat(columns + 8)
      return [
        `  ${verdict}  ${id.padEnd(columns)}  ${question}`,
        ...wrapped(`${words}${amount}`, WIDTH - margin.length).map(
          (line) => `${margin}${paint("dim", line)}`,
        ),
        ...details.map((detail) => `${margin}- ${detail}`),
      ]
    }),
    "",
    verdictOf(audit, paint),
  ]
  if (directories.length > 1) lines.unshift(`${directories.length} snapshots, oldest first`, "")
  return lines.join("\n")
}

function verdictOf(audit: Audit, paint: Paint): string {
  const leaks = audit.findings.filter(({ pass }) => !pass).length
  if (holds(audit)) return paint("green", "The promise holds: every attempt to learn more came to nothing.")
  return paint(
    "red",
    `The promise does not hold: ${leaks} of ${audit.findings.length} attempts learned something.`,
  )
}

/** `3 files`; `0.71 AUC, 0.66 to 0.75 with 95 % confidence`. */
export function amountOf({ value, low, high }: Estimate, unit: string): string {
  const interval = low === high ? "" : `, ${rounded(low)} to ${rounded(high)} with 95 % confidence`
  return `${rounded(value)} ${unit}${interval}`
}

function rounded(value: number): string {
  return Number.isInteger(value) ? `${value}` : value.toFixed(3)
}

function wrapped(text: string, width: number): string[] {
  const lines = [""]
  for (const word of text.split(" ")) {
    const line = lines.at(-1) as string
    if (line !== "" && line.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`
  }
  return lines
}
