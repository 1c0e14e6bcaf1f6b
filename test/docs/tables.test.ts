import { describe, expect, test } from "bun:test"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { checksFor } from "../../src/audit/audit.ts"
import { operationRules } from "../../src/ds/operation-rules.ts"
import { memberRules } from "../../src/mls/member/rules.ts"
import { type Rule, rules } from "../../src/mls/rules.ts"
import { problems } from "../../src/wire/problem.ts"

const root = join(import.meta.dir, "../..")
const read = (file: string): string => readFileSync(join(root, file), "utf8")
const documents = [
  "README.md",
  "SECURITY.md",
  "src/mls/README.md",
  ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`),
]

describe("the documentation", () => {
  test("lists every refusal with its status and title, and no other", () => {
    const listed = [...read("docs/errors.md").matchAll(/^\| `([a-z.-]+)` \| (\d+) \| (.*) \|$/gm)]
    const expected = Object.entries(problems).map(([code, { status, title }]) => [code, `${status}`, title])
    expect(listed.map((row) => row.slice(1))).toEqual(expected)
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
    const expected = checksFor([]).map(({ id, question }) => [id, question])
    expect(listed.map((row) => row.slice(1))).toEqual(expected)
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
    const { dependencies, devDependencies } = JSON.parse(read("package.json")) as Record<string, object>
    const reasons = read("docs/dependencies.md")
    for (const name of Object.keys({ ...dependencies, ...devDependencies }))
      expect(reasons).toContain(`\`${name}\``)
  })

  for (const document of documents) {
    test(`${document} links to files that exist`, () => {
      for (const [, target = ""] of read(document).matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)) {
        expect(existsSync(join(root, dirname(document), target)), target).toBeTrue()
      }
    })
  }
})
