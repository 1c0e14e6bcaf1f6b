import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Glob } from "bun"

const root = join(import.meta.dir, "../..")
const PATTERNS = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "examples/README.md",
  "docs/*.md",
  "src/**/README.md",
]

export const documents = PATTERNS.flatMap((pattern) => [...new Glob(pattern).scanSync(root)].sort())

const read = (document: string): string => readFileSync(join(root, document), "utf8")

/**
 * The commands of a document, in its order: those of its shell blocks, line by line, without their comments; and those in
 * running text that are whole, which are told by their beginning.
 */
export function commandsOf(document: string): string[] {
  const found = read(document).matchAll(
    /^ *```(?:sh|bash|shell|console)\n(.*?)^ *```|`((?:dist\/cinder|npm run serve --) [^`\n]+)`/gms,
  )
  return [...found].flatMap(([, block, inText = ""]) => (block ?? inText).split("\n").flatMap(commandsOn))
}

function commandsOn(line: string): string[] {
  return line
    .replace(/(^|\s+)#.*$/, "")
    .split("&&")
    .map((command) => command.trim())
    .filter((command) => command !== "")
}

/** The `cinder` commands in the running text of a section. */
export function commandsUnder(document: string, heading: string): string[] {
  const [, section = ""] = read(document).split(`\n### ${heading}\n`)
  const [text = ""] = section.split(/^#/m)
  return [...text.matchAll(/`(cinder [a-z][^`\n]*)`/g)].map(([, command = ""]) => command)
}

const scripts = (JSON.parse(read("package.json")) as { scripts: Record<string, string> }).scripts

/** What a script of package.json runs. Throws if there is none. */
export function scriptOf(name: string): string {
  const script = scripts[name]
  if (script === undefined) throw new Error(`package.json has no script ${name}`)
  return script
}

/** What `.ci/run` runs, each a command with its words. */
const inCi = [
  ...read(".ci/run").matchAll(/\b(?:step|counted) ((?:npm|npx|bash) .*?)(?: \|\||; then|$)/gm),
].map(([, command = ""]) => command)

/** Whether `.ci/run` runs it, perhaps with more words. */
export function isRunByCi(command: string): boolean {
  return inCi.some((known) => known === command || known.startsWith(`${command} `))
}
