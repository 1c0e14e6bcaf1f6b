import { Database } from "bun:sqlite"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { CrashPoint } from "./steps.ts"

const MAIN = join(import.meta.dir, "../../src/main.ts")
const CRASH_POINTS = join(import.meta.dir, "crash-points.ts")

/** A homeserver as a process of its own, which dies where the simulation wants it to and is started again by itself. */
export class MortalServer {
  readonly #directory = mkdtempSync(join(tmpdir(), "cinder-simulation-"))
  readonly #log = join(this.#directory, "crashes.log")
  #process: Bun.Subprocess<"ignore", "pipe", "inherit"> | undefined
  #port = 0
  #keeper: Promise<void> = Promise.resolve()
  #stopped = false
  /** What to do to the data of a server that is dead. */
  #surgery: ((database: Database) => void) | undefined
  #nextStart: CrashPoint | undefined
  #waiting: (() => void)[] = []

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Resolves when the server listens; from then on it is started again whenever it dies, at `crash` for example. */
  async start(crash?: CrashPoint): Promise<void> {
    this.#stopped = false
    const listens = await this.#run(crash)
    const reborn = this.reborn()
    this.#keeper = this.#keep()
    if (!listens) await reborn
  }

  /** Dies at this point of what it does from now on. */
  arm(point: CrashPoint): void {
    this.#process?.send(point)
  }

  /** Dies at this point of the next start, and is then started once more. */
  armNextStart(point: CrashPoint): void {
    this.#nextStart = point
  }

  /** Dies right now; `surgery` changes its data before it starts again. */
  kill(surgery?: (database: Database) => void): void {
    this.#surgery = surgery
    this.#process?.kill("SIGKILL")
  }

  /** Resolves when the server has died and is there again. */
  reborn(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Each step of the pipeline that happened, in the order of its first time; `start: ` or `run: ` before it. */
  get seen(): string[] {
    return [...new Set(this.#lines("seen "))]
  }

  /** `before` or `after` and the step, for each time that it died of its own hand. */
  get deaths(): string[] {
    return this.#lines("died ")
  }

  async end(): Promise<void> {
    this.#stopped = true
    this.#process?.kill("SIGKILL")
    await this.#keeper
    rmSync(this.#directory, { recursive: true })
  }

  async #keep(): Promise<void> {
    for (;;) {
      await this.#process?.exited
      if (this.#stopped) return
      this.#operate()
      const crash = this.#nextStart
      this.#nextStart = undefined
      if (await this.#run(crash)) for (const resolve of this.#waiting.splice(0)) resolve()
    }
  }

  #operate(): void {
    if (this.#surgery === undefined) return
    const database = new Database(join(this.#directory, "data/delivery.sqlite"))
    this.#surgery(database)
    database.close()
    this.#surgery = undefined
  }

  /** Whether it came as far as listening. */
  async #run(crash: CrashPoint | undefined): Promise<boolean> {
    const where = [
      "--data",
      join(this.#directory, "data"),
      "--port",
      `${this.#port}`,
      "--domain",
      "example.org",
      // When the records get other names is left to chance.
      "--reseal-minutes",
      "0",
    ]
    const child = Bun.spawn([process.execPath, "--preload", CRASH_POINTS, MAIN, "serve", ...where], {
      ...{ stdin: "ignore", stdout: "pipe", stderr: "inherit", ipc: () => undefined },
      env: {
        ...process.env,
        CINDER_CRASH_LOG: this.#log,
        ...(crash && { CINDER_CRASH_AT: JSON.stringify(crash) }),
      },
    })
    this.#process = child
    let printed = ""
    for await (const chunk of child.stdout) {
      printed += new TextDecoder().decode(chunk)
      const port = /listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(printed)?.[1]
      if (port === undefined) continue
      this.#port = Number(port)
      return true
    }
    if (crash === undefined && !this.#stopped) throw new Error("the server did not start")
    return false
  }

  #lines(kind: string): string[] {
    if (!existsSync(this.#log)) return []
    const lines = readFileSync(this.#log, "utf8").split("\n")
    return lines.flatMap((line) => (line.startsWith(kind) ? [line.slice(kind.length)] : []))
  }
}
