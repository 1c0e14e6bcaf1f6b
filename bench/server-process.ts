import { join } from "node:path"
import { atExit } from "./at-exit.ts"
import { DOMAIN } from "./homeserver.ts"
import { cpuTimeOf, mainThreadTimeOf, residentBytesOf } from "./process-stat.ts"

/** `cinder serve` as a process of its own. */

const MAIN = [process.execPath, join(import.meta.dir, "../src/main.ts"), "serve"]

export interface ServerProcess {
  readonly url: string
  readonly port: number
  /** Milliseconds from its start until it listened. */
  readonly startMilliseconds: number
  /** See process-stat.ts. */
  cpuTime(): number
  mainThreadTime(): number
  residentBytes(): number
  stop(): Promise<void>
}

/** Whether the server wants tokens. */
export type RateLimit = "on" | "off"

/** Starts the server over a directory that `Homeserver.prepare` has made; `command` is one that takes its flags. */
export async function startServerProcess(
  directory: string,
  rateLimit: RateLimit,
  command: readonly string[] = MAIN,
): Promise<ServerProcess> {
  const flags = ["--data", join(directory, "data"), "--secrets", join(directory, "secrets")]
  return await startListening([
    ...command,
    ...flags,
    "--domain",
    DOMAIN,
    "--port",
    "0",
    "--rate-limit",
    rateLimit,
    // A pass comes at random, and takes a while with many records.
    "--reseal-minutes",
    "0",
  ])
}

/** Starts any server that says on which port it listens, as ours does. */
export async function startListening(command: readonly string[]): Promise<ServerProcess> {
  const began = performance.now()
  const child = Bun.spawn([...command], {
    env: { PATH: process.env["PATH"] ?? "" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  })
  const ended = atExit(() => child.kill())
  const port = await listeningPort(child.stdout)
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    startMilliseconds: performance.now() - began,
    cpuTime: () => cpuTimeOf(child.pid),
    mainThreadTime: () => mainThreadTimeOf(child.pid),
    residentBytes: () => residentBytesOf(child.pid),
    async stop() {
      child.kill("SIGTERM")
      await child.exited
      ended()
    },
  }
}

async function listeningPort(stdout: ReadableStream<Uint8Array>): Promise<number> {
  let text = ""
  for await (const chunk of stdout) {
    text += new TextDecoder().decode(chunk)
    const found = /listening on http:\/\/[^\s]*:(\d+)\n/.exec(text)
    if (found !== null) return Number(found[1])
  }
  throw new Error("the server ended before it listened")
}
