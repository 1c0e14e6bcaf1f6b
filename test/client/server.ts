import { Database } from "bun:sqlite"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const MAIN = join(import.meta.dir, "../../src/main.ts")

/** A homeserver as a process of its own, which tests may kill and start again on the same data and port. */
export class ServerUnderTest {
  readonly #directory = mkdtempSync(join(tmpdir(), "cinder-client-"))
  readonly #flags: readonly string[]
  #process: Bun.Subprocess<"ignore", "pipe", "inherit"> | undefined
  #port = 0

  constructor(...flags: readonly string[]) {
    this.#flags = flags
  }

  /** The operator's command for invitations. */
  async invite(): Promise<string> {
    const secrets = join(this.#directory, "data.secrets")
    const words = [process.execPath, MAIN, "invite", "--secrets", secrets]
    const child = Bun.spawn(words, { stdin: "ignore", stdout: "pipe", stderr: "ignore" })
    return (await new Response(child.stdout).text()).trim()
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  async start(): Promise<void> {
    const data = join(this.#directory, "data")
    const where = ["--data", data, "--port", `${this.#port}`, "--domain", "example.org"]
    const child = Bun.spawn([process.execPath, MAIN, "serve", ...where, ...this.#flags], {
      ...{ stdin: "ignore", stdout: "pipe", stderr: "inherit" },
    })
    this.#process = child
    const port = /listening on http:\/\/127\.0\.0\.1:(\d+)/
    let printed = ""
    for await (const chunk of child.stdout) {
      printed += new TextDecoder().decode(chunk)
      const found = port.exec(printed)?.[1]
      if (found === undefined) continue
      this.#port = Number(found)
      return
    }
    throw new Error("the server did not start")
  }

  /** Takes the issuing keys out of the database of a server that does not run, as after a restored backup. */
  forgetTokenKeys(): void {
    const database = new Database(join(this.#directory, "data/as.sqlite"))
    database.run("DELETE FROM as_token_key")
    database.close()
  }

  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL")
    await this.#process?.exited
  }

  async end(): Promise<void> {
    await this.kill()
    rmSync(this.#directory, { recursive: true })
  }
}
