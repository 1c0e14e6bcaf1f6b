import { boundOf, type FigureName, figureNames, targets } from "../figures.ts"
import { cells, head, type Result } from "../harness.ts"

/** Results as tables of Markdown. */

export function resultTable(results: readonly Result[]): string {
  const rows = results.map(cells)
  const used = head.map((_, column) => rows.some((row) => row[column] !== ""))
  const line = (row: readonly string[]) => `| ${row.filter((_, column) => used[column]).join(" | ")} |`
  const rule = head.map((_, column) => (column === 0 || column === head.length - 1 ? "---" : "---:"))
  return [line(head), line(rule), ...rows.map(line)].join("\n")
}

export function targetTable(figures: Readonly<Record<FigureName, number | null>>): string {
  const rows = figureNames.map((name) => {
    const { what, limit, isMost } = targets[name]
    const value = figures[name]
    const met =
      value === null ? "not measured" : (isMost ? value <= limit : value >= limit) ? "met" : "not met"
    return `| ${what} | \`${name}\` | ${boundOf(name)} | ${value === null ? "" : value.toPrecision(3)} | ${met} |`
  })
  return ["| what | figure | target | measured | |", "|---|---|---:|---:|---|", ...rows].join("\n")
}
