import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type ServerOptions, type ServerProcess, startServerProcess } from "../../src/demo/server-process.ts"

export const DOMAIN = "example.org"

/** How the process is started. */
export type Launch = (options: ServerOptions) => Promise<ServerProcess>

/** A homeserver as a process of its own, over a directory of its own; it can be killed and started again on its port. */
export class Homeserver {
  readonly directory = mkdtempSync(join(tmpdir(), "cinder-e2e-"))
  readonly data = join(this.directory, "data")
  readonly secretsFile = `${this.data}.secrets`
  readonly #flags: readonly string[]
  readonly #launch: Launch
  #process: ServerProcess | undefined
  #port = 0

  private constructor(flags: readonly string[], launch: Launch) {
    this.#flags = flags
    this.#launch = launch
  }

  /** `flags`: of `cinder serve`, beside those that every server here has. */
  static async start(...flags: readonly string[]): Promise<Homeserver> {
    return await Homeserver.startBy(startServerProcess, ...flags)
  }

  static async startBy(launch: Launch, ...flags: readonly string[]): Promise<Homeserver> {
    const server = new Homeserver(flags, launch)
    await server.start()
    return server
  }

  get port(): number {
    return this.#port
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  async start(): Promise<void> {
    this.#process = await this.#launch({
      data: this.data,
      domain: DOMAIN,
      port: this.#port,
      binary: undefined,
      // Tests compare what is there before and after something; a server that seals records anew meanwhile changes them.
      flags: ["--reseal-minutes", "0", ...this.#flags],
    })
    this.#port = this.#process.port
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    const process = this.#process
    this.#process = undefined
    await process?.kill()
  }

  /** SIGTERM; the exit code. */
  async stop(): Promise<number> {
    const process = this.#process
    this.#process = undefined
    if (process === undefined) throw new Error("not running")
    return await process.stop()
  }

  async end(): Promise<void> {
    await this.kill()
    rmSync(this.directory, { recursive: true })
  }

  /** Bytes of memory that the process occupies now. */
  residentBytes(): number {
    return this.#memory("VmRSS")
  }

  /** The most that it has occupied at any moment. */
  residentBytesPeak(): number {
    return this.#memory("VmHWM")
  }

  #memory(name: string): number {
    const pid = readdirSync("/proc").find((entry) => /^\d+$/.test(entry) && this.#isProcess(entry))
    if (pid === undefined) throw new Error("not running")
    const status = readFileSync(`/proc/${pid}/status`, "utf8")
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) * 1024
  }

  #isProcess(pid: string): boolean {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(this.data)
    } catch {
      return false
    }
  }
}
