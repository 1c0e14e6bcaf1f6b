import { expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Homeserver } from "../e2e/homeserver.ts"

const NO_CORE = /^Max core file size +0 +0 /m

test("a protected process leaves no core, and nobody but root may look into it", async () => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "protected.ts")], { stdout: "pipe" })
  const printed = await new Response(child.stdout).text()
  expect(printed).toContain("dumpable: 0\n")
  expect(printed).toMatch(NO_CORE)
  const swaps = readFileSync("/proc/swaps", "utf8").trim().split("\n").length > 1
  if (!swaps) expect(printed).not.toContain("warning")
})

test("cinder serve protects itself", async () => {
  const server = await Homeserver.start()
  try {
    const pid = readdirSync("/proc").find(
      (name) => /^\d+$/.test(name) && commandOf(name).includes(server.data),
    )
    expect(readFileSync(`/proc/${pid}/limits`, "utf8")).toMatch(NO_CORE)
  } finally {
    await server.end()
  }
})

function commandOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")
  } catch {
    return []
  }
}
