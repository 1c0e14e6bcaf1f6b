import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ServerUnderTest } from "../client/server.ts"

const root = join(import.meta.dir, "../..")
const document = readFileSync(join(root, "docs/client.md"), "utf8")
/** An application's folder, with Cinder installed. */
const directory = mkdtempSync(join(tmpdir(), "cinder-tutorial-"))
const server = new ServerUnderTest()

beforeAll(async () => {
  mkdirSync(join(directory, "node_modules"))
  symlinkSync(root, join(directory, "node_modules/cinder"), "dir")
  symlinkSync(join(root, "node_modules/@types"), join(directory, "node_modules/@types"), "dir")
  await server.start()
})

afterAll(async () => {
  await server.end()
  rmSync(directory, { recursive: true, force: true })
})

/** The blocks of code of one kind. */
function blocks(kind: string): string[] {
  const all = [...document.matchAll(/^```(.+)\n([\s\S]*?)^```$/gm)]
  const code = all.filter(([, info]) => info === kind).map(([, , text = ""]) => text)
  expect(code.length).toBeGreaterThan(0)
  return code
}

function run(...command: readonly string[]) {
  const { stdout, stderr, exitCode } = Bun.spawnSync([process.execPath, ...command], {
    cwd: directory,
    env: { NO_COLOR: "1" },
  })
  return { printed: stdout.toString().trimEnd().split("\n"), errors: stderr.toString(), exitCode }
}

test("the program in docs/client.md prints what its comments say", () => {
  const code = blocks("ts").join("\n")
  const said = [...code.matchAll(/console\.log\(.*\) \/\/ (.+)$/gm)].map(([, words = ""]) => words)
  expect(code).toContain('"http://127.0.0.1:8080"')
  writeFileSync(join(directory, "tutorial.ts"), code.replace("http://127.0.0.1:8080", server.url))
  expect(run("tutorial.ts")).toEqual({ printed: said, errors: "", exitCode: 0 })
}, 60_000)

test("the code in docs/client.md, that for browsers included, has no type errors", () => {
  const programs = [blocks("ts").join("\n"), ...blocks("ts browser")]
  for (const [index, code] of programs.entries()) writeFileSync(join(directory, `checked-${index}.ts`), code)
  writeFileSync(join(directory, "tsconfig.json"), blocks("json").join())
  const compiler = join(root, "node_modules/typescript/bin/tsc")
  expect(run(compiler, "--noEmit", "-p", ".")).toEqual({ printed: [""], errors: "", exitCode: 0 })
}, 60_000)
