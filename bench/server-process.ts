import { readFileSync } from "node:fs"
import { join } from "node:path"
import { DOMAIN } from "./homeserver.ts"

/** `cinder serve` as a process of its own. */

const MAIN = join(import.meta.dir, "../src/main.ts")
/** `sysconf(_SC_CLK_TCK)`, which is this on every Linux that Bun runs on. */
const TICKS_PER_SECOND = 100

export interface ServerProcess {
  readonly url: string
  readonly port: number
  /** Microseconds of processor time that the process has used, to 10 ms; NaN where /proc is missing. */
  cpuTime(): number
  stop(): Promise<void>
}

/** Whether the server wants tokens. */
export type RateLimit = "on" | "off"

/** Starts the server over a directory that `Homeserver.prepare` has made; `program` is one that takes its flags. */
export async function startServerProcess(
  directory: string,
  rateLimit: RateLimit,
  program: readonly string[] = [MAIN, "serve"],
): Promise<ServerProcess> {
  const flags = ["--data", join(directory, "data"), "--secrets", join(directory, "secrets")]
  const words = [...flags, "--domain", DOMAIN, "--port", "0", "--rate-limit", rateLimit]
  const child = Bun.spawn([process.execPath, ...program, ...words], {
    env: { PATH: process.env["PATH"] ?? "" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  })
  const port = await listeningPort(child.stdout)
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    cpuTime: () => cpuTimeOf(child.pid),
    async stop() {
      child.kill("SIGTERM")
      await child.exited
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

function cpuTimeOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ")
    return ((Number(fields[11]) + Number(fields[12])) * 1e6) / TICKS_PER_SECOND
  } catch {
    return Number.NaN
  }
}
