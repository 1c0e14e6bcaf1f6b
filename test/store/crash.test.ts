import { describe, expect, test } from "bun:test"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { temporaryDirectory } from "./files.ts"
import { checkWritten, LIVE, REMOVED } from "./units.ts"

const KILLS = 15

/** Runs the writer until it dies; `killAfter` bytes of acknowledgements it is killed. Adds what it acknowledged. */
async function runWriter(
  directory: string,
  seed: number,
  acknowledged: Map<string, number>,
  death: { readonly afterBytes: number } | { readonly atScrubStep: number },
): Promise<void> {
  const steps = "atScrubStep" in death ? death.atScrubStep : 0
  const program = [join(import.meta.dir, "writer.ts"), directory, `${seed}`, `${steps}`]
  const writer = spawn(process.execPath, program, { stdio: ["ignore", "pipe", "inherit"] })
  let output = ""
  writer.stdout.setEncoding("latin1")
  writer.stdout.on("data", (text: string) => {
    output += text
    if ("afterBytes" in death && output.length >= death.afterBytes) writer.kill("SIGKILL")
  })
  const [, signal] = await once(writer, "close")
  expect(signal).toBe("SIGKILL")
  const lines = output.split("\n").slice(0, -1)
  for (const line of lines) {
    const [what, name] = line.split(" ") as [string, string]
    acknowledged.set(name, what === "put" ? LIVE : REMOVED)
  }
}

describe("a process killed while it writes", () => {
  test("loses nothing it acknowledged and leaves no unit half done, at whatever moment", async () => {
    using directory = temporaryDirectory()
    const acknowledged = new Map<string, number>()
    for (let kill = 0; kill < KILLS; kill++) {
      const afterBytes = 1 + Math.floor(Math.random() * 40_000)
      await runWriter(directory.path, 1000 + kill, acknowledged, { afterBytes })
      const written = await checkWritten(directory.path, acknowledged)
      expect(written).toBeGreaterThanOrEqual(acknowledged.size)
    }
    expect(acknowledged.size).toBeGreaterThan(KILLS)
  })

  test("loses nothing between any two steps of scrubbing", async () => {
    using directory = temporaryDirectory()
    const acknowledged = new Map<string, number>()
    for (let atScrubStep = 1; atScrubStep <= 14; atScrubStep++) {
      await runWriter(directory.path, 2000 + atScrubStep, acknowledged, { atScrubStep })
      await checkWritten(directory.path, acknowledged)
    }
    expect(acknowledged.size).toBeGreaterThan(0)
  })
})
