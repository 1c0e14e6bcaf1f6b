import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { refusalsOf } from "../src/http/openapi/document.ts"
import { as } from "../src/wire/as.ts"
import { ds } from "../src/wire/ds.ts"
import type { Endpoint } from "../src/wire/endpoint.ts"
import { type ProblemCode, problems } from "../src/wire/problem.ts"
import { qs } from "../src/wire/qs.ts"

/**
 * `npm run docs:errors` brings the codes of all errors, as the code has them, into docs/errors.md: the tables between
 * `<!-- errors NAME -->` and `<!-- end -->`. What is written around them is left to people.
 */

const ROOT = join(import.meta.dir, "..")
const PAGE = join(ROOT, "docs/errors.md")

const operations: readonly Endpoint[] = [as, ds, qs].flatMap((table) => Object.values(table))

/** Operations that have some codes in common. */
const kinds: readonly (readonly [name: string, has: (operation: Endpoint) => boolean])[] = [
  ["every operation", () => true],
  ["every signed operation", ({ sender }) => sender !== "none"],
  ["every operation that costs a token", ({ token }) => token],
]

/** The page with the tables of now. */
export function withTables(page: string): string {
  const tables: Readonly<Record<string, string>> = { server: serverTable(), client: clientTable() }
  return page.replace(
    /(<!-- errors ([a-z]+) -->\n).*?(<!-- end -->)/gs,
    (_, begin: string, name: string, end: string) => `${begin}\n${tables[name]}\n\n${end}`,
  )
}

function serverTable(): string {
  const rows = Object.entries(problems).map(([code, { status, title }]) =>
    row([`\`${code}\``, `${status}`, title, givenBy(code as ProblemCode)]),
  )
  return [row(["code", "status", "meaning", "given by"]), "|---|---|---|---|", ...rows].join("\n")
}

function givenBy(code: ProblemCode): string {
  const giving = operations.filter((operation) => refusalsOf(operation).includes(code))
  if (giving.length === 0) return "other paths and methods"
  const kind = kinds.find(([, has]) =>
    operations.filter(has).every((operation) => giving.includes(operation)),
  )
  const rest = giving.filter((operation) => kind?.[1](operation) !== true)
  return [...(kind === undefined ? [] : [kind[0]]), ...rest.map(({ name }) => `\`${name}\``)].join(", ")
}

/** The client library's own codes are a type, and what they mean are its comments. */
function clientTable(): string {
  const source = readFileSync(join(ROOT, "src/client/errors.ts"), "utf8")
  const codes = [...source.matchAll(/\/\*\* (.*) \*\/\n +\| "(client\.[a-z-]+)"/g)]
  const rows = codes.map(([, meaning = "", code = ""]) => row([`\`${code}\``, meaning]))
  return [row(["code", "meaning"]), "|---|---|", ...rows].join("\n")
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`
}

if (import.meta.main) writeFileSync(PAGE, withTables(readFileSync(PAGE, "utf8")))
