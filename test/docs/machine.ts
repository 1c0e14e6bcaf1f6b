import { expect } from "bun:test"
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { cinder, freePort, type ServerProcess, serveWith, temporaryDirectory } from "../cli/process.ts"
import { Person } from "../client/people.ts"

/** What there is on a machine before the first command: what the package makes, a medium, and a disk. */
const DIRECTORIES = ["etc/cinder", "var/lib", "var/backups/cinder", "tmp", "media/usb", "dev"]
const ABSOLUTE = /^\/(etc|var|tmp|media|dev)\//

/** What the documents say a command may end with where that is not 0: the doctor, if something failed. */
const STATUSES: Readonly<Record<string, readonly number[]>> = { doctor: [0, 1] }

/** Nothing is asked for over the network but what the test has there. */
const NOWHERE = ["--public-url", "http://127.0.0.1:9"]

/** A directory in which the commands of a document find the paths that they name, and which is where they are called. */
export class Machine {
  readonly #directory = temporaryDirectory()
  #server: ServerProcess | undefined

  constructor() {
    for (const name of DIRECTORIES) mkdirSync(join(this.#directory, name), { recursive: true })
    writeFileSync(join(this.#directory, "known.txt"), `hex:${"a5".repeat(32)}\n`)
    writeFileSync(join(this.#directory, "dev/sdb1"), new Uint8Array(1 << 20))
  }

  /** Where a path of the documents is. */
  path(word: string): string {
    return ABSOLUTE.test(word) ? join(this.#directory, word) : word
  }

  /** A server that was set up as the documents say, which somebody has used, and which is stopped. */
  async setUp(): Promise<void> {
    await this.run(["init", "--config", "/etc/cinder.toml"])
    await this.run(["serve", "--config", "/etc/cinder.toml"])
    await (await this.#register()).stop()
    await this.stop()
  }

  /** Runs `cinder`, expects the status that the documents promise, and returns what it said. */
  async run(documented: readonly string[]): Promise<string> {
    const words = await this.#complete(documented.map((word) => this.path(word)))
    if (words[0] === "serve") return await this.#serve(words.slice(1))
    if (words[0] === "restore") await this.#makeWay()
    const { code, stdout, stderr } = await cinder(words, {}, this.#directory)
    expect(STATUSES[words[0] ?? ""] ?? [0], `${documented.join(" ")}: ${stderr}`).toContain(code)
    expect(stdout).not.toBe("")
    if (words[0] === "doctor") expect(stdout).toMatch(/\d+ well, \d+ to think about, \d+ failed\n$/)
    return stdout
  }

  /** Copies as `cp -a FROM TO` does. */
  copy(from: string, to: string): void {
    cpSync(this.path(from), this.path(to), { recursive: true, preserveTimestamps: true, errorOnExist: true })
  }

  /** Has somebody register at the server that runs. */
  async #register(): Promise<Person> {
    if (this.#server === undefined) throw new Error("no server runs")
    return await Person.register(this.#server, "Ada")
  }

  /** What only a person could know or say is put in, and what must not depend on the machine. */
  async #complete(words: readonly string[]): Promise<string[]> {
    if (words[0] === "init") return [...words, ...this.#answers(words)]
    if (words[0] === "doctor") return [...words, ...NOWHERE]
    if (words[0] !== "users" && !words.includes("UUID@example.org")) return [...words]
    const ada = await this.#register()
    await ada.stop()
    return words.map((word) => (word === "UUID@example.org" ? ada.user : word))
  }

  /** The answers to what `init` asks: where the documents go on to look for the data. */
  #answers(words: readonly string[]): string[] {
    const isSaid = words.includes("--data") || !words.includes("--config")
    return ["--yes", "--domain", "example.org", ...(isSaid ? [] : ["--data", this.path("/var/lib/cinder")])]
  }

  async #serve(flags: readonly string[]): Promise<string> {
    if (this.#server !== undefined) throw new Error("a server runs already")
    const words = [...flags]
    const metrics = words.indexOf("--metrics-port") + 1
    if (metrics > 0) words[metrics] = `${await freePort()}`
    const port = words.indexOf("--port")
    if (port >= 0) words.splice(port, 2)
    this.#server = await serveWith([...words, "--port", "0"], {}, this.#directory)
    if (metrics > 0) expect((await fetch(`http://127.0.0.1:${words[metrics]}/metrics`)).status).toBe(200)
    return this.#server.url
  }

  /** What the documents ask for before a restore: the server is stopped, and its data is not there. */
  async #makeWay(): Promise<void> {
    await this.stop()
    rmSync(this.path("/var/lib/cinder"), { recursive: true })
  }

  /** Sends the server SIGHUP, as `kill -HUP` does; somebody can register afterwards. */
  async reload(): Promise<void> {
    await this.#server?.reload()
    await (await this.#register()).stop()
  }

  async stop(): Promise<void> {
    const ended = await this.#server?.end("SIGTERM")
    this.#server = undefined
    if (ended !== undefined) expect(ended.code, ended.stderr).toBe(0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    rmSync(this.#directory, { recursive: true })
  }
}
