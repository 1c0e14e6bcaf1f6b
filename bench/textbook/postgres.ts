import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { atExit } from "../at-exit.ts"

/** A PostgreSQL of its own in a temporary directory, as Debian packages it and with the settings it comes with. */

const VERSIONS = "/usr/lib/postgresql"
const VERSION_MIN = 15
const DEBIAN_USER = "postgres"

export interface Postgres {
  /** Directory of its Unix socket. */
  readonly socketDirectory: string
  readonly version: string
  stop(): Promise<void>
}

/** Where the newest installed version has its programs; undefined if there is none that is new enough. */
export function findPostgres(): string | undefined {
  if (!existsSync(VERSIONS)) return undefined
  const versions = readdirSync(VERSIONS)
    .map(Number)
    .filter((version) => version >= VERSION_MIN)
    .sort((a, b) => b - a)
    .map((version) => join(VERSIONS, `${version}`, "bin"))
  return versions.find((bin) => existsSync(join(bin, "initdb")) && existsSync(join(bin, "postgres")))
}

/** It must not run as root: then it runs as the user that its package made. */
export async function startPostgres(bin: string): Promise<Postgres> {
  const directory = mkdtempSync(join(tmpdir(), "cinder-postgres-"))
  const root = process.getuid?.() === 0
  if (root)
    chownSync(directory, Number(run(["id", "-u", DEBIAN_USER])), Number(run(["id", "-g", DEBIAN_USER])))
  const as = root ? ["runuser", "-u", DEBIAN_USER, "--"] : []
  const data = join(directory, "data")
  run([...as, join(bin, "initdb"), "-D", data, "-U", DEBIAN_USER, "--auth=trust", "-E", "UTF8"])
  const options = `-c listen_addresses= -c unix_socket_directories=${directory} -c fsync=on -c synchronous_commit=on`
  run([...as, join(bin, "pg_ctl"), "-D", data, "-o", options, "-l", join(directory, "log"), "-w", "start"])
  const stop = () => {
    run([...as, join(bin, "pg_ctl"), "-D", data, "-m", "immediate", "-w", "stop"])
    rmSync(directory, { recursive: true, force: true })
  }
  const ended = atExit(stop)
  return {
    socketDirectory: directory,
    version: run([join(bin, "postgres"), "--version"]),
    async stop() {
      ended()
      stop()
    },
  }
}

function run(command: string[]): string {
  // A server in the background would keep pipes open: only what ends at once is read.
  const quiet = command.includes("start")
  const { success, stdout, stderr } = Bun.spawnSync(command, {
    cwd: "/",
    stdout: quiet ? "ignore" : "pipe",
    stderr: quiet ? "ignore" : "pipe",
  })
  if (!success) throw new Error(`${command.join(" ")} failed: ${stderr ?? ""}`)
  return `${stdout ?? ""}`.trim()
}
