import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type FigureName, figureNames } from "../figures.ts"
import { lineChart } from "./chart.ts"
import { curves, type Results } from "./curves.ts"
import { resultTable, targetTable } from "./tables.ts"

/**
 * `npm run bench:report -- FILE...`: brings what runs of `npm run bench -- --json` printed into docs/performance.md. The tables
 * between `<!-- bench NAME -->` and `<!-- end -->` are replaced by those of the runs, the pictures drawn anew, and the numbers
 * kept beside them. What is written around the tables is left to people.
 */

const DOCS = join(import.meta.dir, "../../docs")
const PAGE = join(DOCS, "performance.md")
const FOLDER = join(DOCS, "performance")

type Run = { readonly machine: string; readonly results: Results } & Readonly<
  Record<FigureName, number | null>
>

const files = process.argv.slice(2)
if (files.length === 0) {
  console.error("report: name the files that hold what `npm run bench -- --json` printed")
  process.exit(1)
}
const runs = files.map(
  (file) => JSON.parse(readFileSync(file, "utf8").trimEnd().split("\n").at(-1) ?? "") as Run,
)
const run = runs.reduce(together)

mkdirSync(FOLDER, { recursive: true })
writeFileSync(join(FOLDER, "results.txt"), `${JSON.stringify(run, null, 1)}\n`)
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

/** What both measured; of what both did, the second. */
function together(first: Run, second: Run): Run {
  const figures = figureNames.map((name) => [name, second[name] ?? first[name]] as const)
  return { ...second, ...Object.fromEntries(figures), results: { ...first.results, ...second.results } }
}

function tableOf(name: string): string | undefined {
  if (name === "targets") return targetTable(run)
  if (name === "machine") return `- Machine of these tables: ${run.machine}.`
  const results = run.results[name]
  return results === undefined ? undefined : resultTable(results)
}
