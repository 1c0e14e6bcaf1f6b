import { existsSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"
import { median, type Options, type Result } from "./harness.ts"
import { Homeserver, temporaryDirectory } from "./homeserver.ts"
import { startServerProcess } from "./server-process.ts"

/** The compiled binary: from its start to its first answer, its memory when nothing happens, its size. */

const ROOT = join(import.meta.dir, "..")
const BINARY = join(ROOT, "dist/cinder")
const STARTS_EACH_RUN = 5
const IDLE_MILLISECONDS = 3000

export async function benchBinary({ runs }: Options): Promise<readonly Result[]> {
  if (!existsSync(BINARY)) build()
  const directory = temporaryDirectory()
  try {
    await (await Homeserver.prepare(directory)).close()
    const times: number[] = []
    const memory: number[] = []
    for (let run = 0; run < runs; run++) {
      const answered: number[] = []
      for (let i = 0; i < STARTS_EACH_RUN; i++) answered.push(await startOnce(directory))
      times.push(median(answered) * 1000)
      memory.push(await idleMemory(directory))
    }
    const size_MiB = statSync(BINARY).size / 2 ** 20
    return [
      {
        name: "start of the binary to its first answer",
        size: 1,
        microseconds: median(times),
        range: [Math.min(...times), Math.max(...times)],
        more: { idle_memory_MiB: median(memory) / 2 ** 20, size_MiB },
      },
    ]
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function build(): void {
  const { success, stderr } = Bun.spawnSync(["npm", "run", "--silent", "build"], {
    cwd: ROOT,
    stderr: "pipe",
  })
  if (!success) throw new Error(`the binary could not be built: ${stderr}`)
}

/** Milliseconds. The port is known only when the server says it, which is when it answers. */
async function startOnce(directory: string): Promise<number> {
  const began = performance.now()
  const server = await startServerProcess(directory, "on", [BINARY, "serve"])
  try {
    await (await fetch(`${server.url}/health`)).text()
    return performance.now() - began
  } finally {
    await server.stop()
  }
}

async function idleMemory(directory: string): Promise<number> {
  const server = await startServerProcess(directory, "on", [BINARY, "serve"])
  try {
    await Bun.sleep(IDLE_MILLISECONDS)
    return server.residentBytes()
  } finally {
    await server.stop()
  }
}
