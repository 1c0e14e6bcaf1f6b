import { describe, expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { cinder } from "../cli/process.ts"

const root = join(import.meta.dir, "../..")
const documents = ["README.md", ...readdirSync(join(root, "docs")).map((name) => join("docs", name))]
const text = documents
  .filter((name) => name.endsWith(".md"))
  .map((name) => readFileSync(join(root, name), "utf8"))
  .join("\n")

/** What a command takes, by the words that name it: its flags, or the names of its subcommands. */
const helps = new Map<string, Promise<string>>()

function helpOf(words: readonly string[]): Promise<string> {
  const name = words.join(" ")
  const known = helps.get(name) ?? cinder([...words, "--help"]).then(({ stdout }) => stdout)
  helps.set(name, known)
  return known
}

/** Commands as the documentation writes them: in code, on one line. */
function commandsIn(markdown: string): string[][] {
  const inBlocks = [...markdown.matchAll(/^(?:dist\/)?cinder ([a-z].*)$/gm)]
  const inWords = [...markdown.matchAll(/`(?:dist\/)?cinder ([a-z][^`\n]*)`/g)]
  return [...inBlocks, ...inWords].map(([, words = ""]) => words.trim().split(/\s+/))
}

/** Which of the words name the command: one, or two for a group. */
async function namesOf(words: readonly string[]): Promise<string[]> {
  const [first = "", second = ""] = words
  const isGroup = (await helpOf([first])).includes(`cinder ${first} <command> --help`)
  return isGroup && /^[a-z]/.test(second) ? [first, second] : [first]
}

describe("the documentation", () => {
  const commands = commandsIn(text)

  test("names commands", () => {
    expect(commands.length).toBeGreaterThan(20)
  })

  test("names no command and no flag that there is not", async () => {
    const overview = await helpOf([])
    for (const words of commands) {
      const line = words.join(" ")
      expect(overview, line).toContain(` ${words[0]} `)
      const names = await namesOf(words)
      const help = await helpOf(names)
      expect(help, line).toContain(`cinder ${names.join(" ")}`)
      for (const flag of words.filter((word) => /^--[a-z]/.test(word) && word !== "--help"))
        expect(help, line).toContain(flag.split("=")[0] as string)
    }
  })
})
