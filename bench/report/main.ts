import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { FigureName } from "../figures.ts"
import { lineChart } from "./chart.ts"
import { curves, type Results } from "./curves.ts"
import { resultTable, targetTable } from "./tables.ts"

/**
 * `bun bench/report/main.ts FILE`: brings what a run of `npm run bench -- --json` printed into docs/performance.md. The tables
 * between `<!-- bench NAME -->` and `<!-- end -->` are replaced by those of the run, the pictures drawn anew, and the numbers
 * kept beside them. What is written around the tables is left to people.
 */

const DOCS = join(import.meta.dir, "../../docs")
const PAGE = join(DOCS, "performance.md")
const FOLDER = join(DOCS, "performance")

type Run = { readonly machine: string; readonly results: Results } & Readonly<
  Record<FigureName, number | null>
>

const file = process.argv[2]
if (file === undefined) {
  console.error("report: name the file that holds what `npm run bench -- --json` printed")
  process.exit(1)
}
const run = JSON.parse(readFileSync(file, "utf8").trimEnd().split("\n").at(-1) ?? "") as Run

mkdirSync(FOLDER, { recursive: true })
writeFileSync(join(FOLDER, "results.json"), `${JSON.stringify(run, null, 1)}\n`)
for (const [name, chart] of Object.entries(curves(run.results))) {
  writeFileSync(join(FOLDER, name), lineChart(chart))
}
const page = readFileSync(PAGE, "utf8").replace(
  /(<!-- bench ([a-z-]+) -->\n).*?(<!-- end -->)/gs,
  (whole, begin: string, name: string, end: string) => {
    const table = tableOf(name)
    return table === undefined ? whole : `${begin}\n${table}\n\n${end}`
  },
)
writeFileSync(PAGE, page)

function tableOf(name: string): string | undefined {
  if (name === "targets") return targetTable(run)
  if (name === "machine") return `- Machine of these tables: ${run.machine}.`
  const results = run.results[name]
  return results === undefined ? undefined : resultTable(results)
}
