import { describe, expect, test } from "bun:test"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { openStore } from "../../src/store/open.ts"
import { temporaryDirectory } from "./files.ts"
import { entries, migrations } from "./tables.ts"
import { checkWritten, LIVE, REMOVED } from "./units.ts"

const KILLS = 15
/** Only a process that hangs takes this long. */
const LONGEST_MS = 120_000

/** Runs the writer until it dies, by this process or by itself, and adds what it acknowledged. */
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
  test(
    "loses nothing it acknowledged and leaves no unit half done, at whatever moment",
    async () => {
      using directory = temporaryDirectory()
      const acknowledged = new Map<string, number>()
      for (let kill = 0; kill < KILLS; kill++) {
        const afterBytes = 1 + Math.floor(Math.random() * 40_000)
        await runWriter(directory.path, 1000 + kill, acknowledged, { afterBytes })
        const written = await checkWritten(directory.path, acknowledged)
        expect(written).toBeGreaterThanOrEqual(acknowledged.size)
      }
      expect(acknowledged.size).toBeGreaterThan(KILLS)
    },
    LONGEST_MS,
  )

  test(
    "loses nothing between any two steps of scrubbing",
    async () => {
      using directory = temporaryDirectory()
      const acknowledged = new Map<string, number>()
      for (let atScrubStep = 1; atScrubStep <= 14; atScrubStep++) {
        await runWriter(directory.path, 2000 + atScrubStep, acknowledged, { atScrubStep })
        await checkWritten(directory.path, acknowledged)
      }
      expect(acknowledged.size).toBeGreaterThan(0)
    },
    LONGEST_MS,
  )
})

test("a disk that fails while committing: the unit fails, the store stops, and what was acknowledged is there", async () => {
  using directory = temporaryDirectory()
  const program = [process.execPath, join(import.meta.dir, "full-disk.ts"), directory.path]
  const limited = spawnSync("bash", ["-c", 'ulimit -f 1000 && exec "$@"', "bash", ...program])
  const { written, ...told } = JSON.parse(limited.stdout.toString())
  expect(written).toBeGreaterThan(0)
  expect(told).toEqual({
    readable: written,
    error: "StoreFailed: the changes could not be written (SQLITE_IOERR_WRITE)",
    next: "StoreFailed: the store failed before and needs a restart",
    faults: 1,
  })
  const store = await openStore({ file: join(directory.path, "store.sqlite"), migrations })
  expect(store.count(entries)).toBe(written)
  await store.close()
})
