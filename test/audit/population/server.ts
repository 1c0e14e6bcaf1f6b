import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { decodeSecrets, type Secrets } from "../../../src/config/secrets.ts"
import { nativeCrypto as crypto } from "../../../src/crypto/native.ts"
import { CLOCK_VARIABLE, SharedClock } from "./clock.ts"

export const DOMAIN = "example.org"

const MAIN = join(import.meta.dir, "../../../src/main.ts")
const PRELOAD = join(import.meta.dir, "clock-preload.ts")
/** Longer than until a log is scrubbed. */
const SETTLED_MILLISECONDS = 260

/** `cinder serve` as a process of its own, whose data directory is copied now and then, and whose clock the driver sets. */
export class PopulatedServer {
  readonly directory = mkdtempSync(join(tmpdir(), "cinder-population-"))
  readonly clock: SharedClock
  readonly #data = join(this.directory, "data")
  #process: Bun.Subprocess<"ignore", "pipe", "inherit"> | undefined
  #port = 0

  constructor(begin: number) {
    this.clock = new SharedClock(join(this.directory, "clock"), begin)
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** `flags`: of `cinder serve`, beside those that the server always has. */
  async start(...flags: readonly string[]): Promise<void> {
    const where = ["--data", this.#data, "--port", `${this.#port}`, "--domain", DOMAIN, "--rate-limit", "off"]
    const child = Bun.spawn([process.execPath, "--preload", PRELOAD, MAIN, "serve", ...where, ...flags], {
      ...{ stdin: "ignore", stdout: "pipe", stderr: "inherit" },
      env: { PATH: process.env["PATH"] ?? "", [CLOCK_VARIABLE]: this.clock.file },
    })
    this.#process = child
    let printed = ""
    for await (const chunk of child.stdout) {
      printed += new TextDecoder().decode(chunk)
      const found = /listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(printed)?.[1]
      if (found === undefined) continue
      this.#port = Number(found)
      return
    }
    throw new Error("the server did not start")
  }

  async end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    this.#process?.kill(signal)
    await this.#process?.exited
  }

  /** Does nothing any more until it is thawed, and finds then what has come meanwhile. */
  freeze(): void {
    this.#process?.kill("SIGSTOP")
  }

  thaw(): void {
    this.#process?.kill("SIGCONT")
  }

  /** Copies the data as they are, or, of an idle server, as soon as nothing is due to be written. */
  async copy(name: string, settled: boolean): Promise<string> {
    const to = join(this.directory, name)
    do {
      if (settled) await Bun.sleep(SETTLED_MILLISECONDS)
      cpSync(this.#data, to, { recursive: true, preserveTimestamps: true })
    } while (!this.#isSame(to))
    return to
  }

  /** Whether nothing was written while it was copied. */
  #isSame(copy: string): boolean {
    return readdirSync(copy).every((name) => {
      return readFileSync(join(copy, name)).equals(readFileSync(join(this.#data, name)))
    })
  }

  /** What the server knows beside the data: for the truth, not for the attacks. */
  secrets(): Secrets {
    return decodeSecrets(crypto, new Uint8Array(readFileSync(`${this.#data}.secrets`)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL")
    this.clock.end()
    rmSync(this.directory, { recursive: true })
  }
}
