import { afterAll, expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const folder = join(import.meta.dir, "../../src/mls")
const directory = mkdtempSync(join(tmpdir(), "cinder-readme-"))

afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** The code block of src/mls/README.md as a reader would put it into that folder. */
function codeOfReadme(): string {
  const blocks = [...readFileSync(join(folder, "README.md"), "utf8").matchAll(/^```ts\n([\s\S]*?)^```$/gm)]
  expect(blocks).toHaveLength(1)
  return blocks[0]?.[1] as string
}

test("the code in src/mls/README.md prints what its comments say", () => {
  const code = codeOfReadme()
  const said = [...code.matchAll(/console\.log\(.*\) \/\/ (.+)$/gm)].map((match) => match[1])
  expect(said.length).toBeGreaterThan(0)
  const file = join(directory, "readme.ts")
  writeFileSync(
    file,
    code.replace(/from "(\.[^"]+)"/g, (_, target: string) => `from ${JSON.stringify(join(folder, target))}`),
  )
  const { stdout, stderr, exitCode } = Bun.spawnSync([process.execPath, file], { env: { NO_COLOR: "1" } })
  expect(stderr.toString()).toBe("")
  expect(stdout.toString().trimEnd().split("\n")).toEqual(said as string[])
  expect(exitCode).toBe(0)
})
