import { describe, expect, test } from "bun:test"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { withTables } from "../../build/errors.ts"
import { linkingChecks } from "../../src/audit/attacks/checks.ts"
import { checksFor, copyChecks } from "../../src/audit/audit.ts"
import { environmentName, type SettingName, settingNames, settings } from "../../src/config/settings.ts"
import { operationRules } from "../../src/ds/operation-rules.ts"
import { memberRules } from "../../src/mls/member/rules.ts"
import { type Rule, rules } from "../../src/mls/rules.ts"
import { problems } from "../../src/wire/problem.ts"

const root = join(import.meta.dir, "../..")
const read = (file: string): string => readFileSync(join(root, file), "utf8")
const documents = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "src/mls/README.md",
  "examples/README.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
]

describe("the documentation", () => {
  test("has every error with its status, meaning and the operations that give it, as `npm run docs:errors` writes it", () => {
    const page = read("docs/errors.md")
    expect(page).toBe(withTables(page))
    const codes = [...page.matchAll(/^\| `([a-z.-]+)` \|/gm)].map(([, code]) => code as string)
    const local = [...read("src/client/errors.ts").matchAll(/^ +\| "(client\.[a-z-]+)"/gm)]
    expect(codes).toEqual([...Object.keys(problems), ...local.map(([, code = ""]) => code)])
  })

  test("tells applications what to do about every error of the client library, and of none that there is not", () => {
    const codes = /"(client\.[a-z-]+)"/g
    const local = [...read("src/client/errors.ts").split("export type ClientErrorCode")[0]!.matchAll(codes)]
    const told = [...read("docs/client.md").matchAll(/`((?:client|as|ds|qs|queue|request)\.[a-z-]+)`/g)]
    const known = [...local.map(([, code = ""]) => code), ...Object.keys(problems)]
    expect(told.map(([, code = ""]) => code).filter((code) => !known.includes(code))).toEqual([])
    expect(local.map(([, code]) => code).filter((code) => !told.some((row) => row[1] === code))).toEqual([])
  })

  for (const [whose, kind, table] of [
    ["of observers", "DS-VAL", rules],
    ["of members alone", "MLS", memberRules],
  ] as const) {
    test(`lists every validation rule ${whose} with its section, code and text, and no other`, () => {
      const row = new RegExp(`^\\| (${kind}-\\d+) \\| (.*?) \\| \`(.*?)\` \\| (.*) \\|$`, "gm")
      const listed = [...read("docs/validation.md").matchAll(row)]
      const expected = Object.values<Rule>(table).map(({ id, section, code, text }) => [
        id,
        section,
        code,
        text,
      ])
      expect(listed.map((found) => found.slice(1))).toEqual(expected)
    })
  }

  test("lists every rule of the operations with its text, and no other", () => {
    const listed = [...read("docs/validation.md").matchAll(/^\| (DS-OP-\d+) \| (.*) \|$/gm)]
    const expected = Object.values(operationRules).map(({ id, text }) => [id, text])
    expect(listed.map((found) => found.slice(1))).toEqual(expected)
    expect(new Set(expected.map(([id]) => id)).size).toBe(expected.length)
  })

  test("lists every check of the audit with its question, and no other", () => {
    const listed = [...read("docs/audit.md").matchAll(/^\| `([a-z-]+)` \| (.*?\?) \|/gm)]
    const truth = { groups: [], pseudonyms: [], aliases: [], entries: [] }
    const checks = [...checksFor([]), ...copyChecks([]), ...linkingChecks(truth)]
    const expected = checks.map(({ id, question }) => [id, question])
    expect(listed.map((row) => row.slice(1))).toEqual(expected)
  })

  test("lists every setting with its flag, variable and default, and no other", () => {
    const listed = [
      ...read("docs/operating.md").matchAll(/^\| `--([a-z-]+)` \| `(CINDER_[A-Z_]+)` \| (.*?) \|/gm),
    ]
    const rows = listed.map(([, name = "", variable = "", fallback = ""]) => ({ name, variable, fallback }))
    expect(rows.map(({ name }) => name).sort()).toEqual([...settingNames, "config"].sort())
    for (const { name, variable, fallback } of rows.filter((row) => row.name !== "config")) {
      const { default: value } = settings[name as SettingName] as { default?: unknown }
      expect(variable).toBe(environmentName(name as SettingName))
      if (value !== undefined) expect(fallback, name).toBe(`\`${value}\``)
    }
  })

  test("names a test that exists behind each line of the threat model", () => {
    const named = [...read("docs/threat-model.md").matchAll(/`(test\/[\w/.-]+\.test\.ts)`(?: “([^”]+)”)?/g)]
    expect(named.length).toBeGreaterThan(10)
    for (const [, file = "", title] of named) {
      expect(existsSync(join(root, file)), file).toBeTrue()
      if (title !== undefined) expect(read(file), `${file}: ${title}`).toContain(title)
    }
  })

  test("gives a reason for every dependency", () => {
    const reasons = read("docs/dependencies.md")
    for (const manifest of ["package.json", "docs/site/package.json"]) {
      const { dependencies, devDependencies } = JSON.parse(read(manifest)) as Record<string, object>
      for (const name of Object.keys({ ...dependencies, ...devDependencies }))
        expect(reasons).toContain(`\`${name}\``)
    }
  })

  test("is generated of every entry that the package has, and of nothing else", () => {
    const { exports } = JSON.parse(read("package.json")) as { exports: Record<string, string> }
    const { entryPoints } = JSON.parse(read("docs/site/typedoc.json")) as { entryPoints: string[] }
    expect(entryPoints.map((file) => join("docs/site", file))).toEqual(
      Object.values(exports).map((file) => join(file)),
    )
  })

  test("has all its pages on the site", () => {
    const { projectDocuments } = JSON.parse(read("docs/site/typedoc.json")) as { projectDocuments: string[] }
    const pages = projectDocuments.map((file) => join("docs/site", file))
    expect(pages.toSorted()).toEqual(
      ["CONTRIBUTING.md", ...documents.filter((file) => file.startsWith("docs/"))].toSorted(),
    )
  })

  for (const document of documents) {
    test(`${document} links to files that exist`, () => {
      for (const [, target = ""] of read(document).matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)) {
        expect(existsSync(join(root, dirname(document), target)), target).toBeTrue()
      }
    })
  }
})
