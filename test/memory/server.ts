import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

type Child = Bun.Subprocess<"ignore", "pipe", "inherit">

const SCRIPT = join(import.meta.dir, "serve.ts")

/** A homeserver in a process of its own, whose memory can be looked into. */
export class WatchedServer {
  readonly directory: string
  readonly port: number
  readonly #process: Child
  /** After how many requests the last wash began. */
  #washed = 0
  readonly #waiting = new Set<() => void>()

  private constructor(directory: string, port: number, child: Child) {
    this.directory = directory
    this.port = port
    this.#process = child
  }

  /** `wash`: whether it washes its memory. */
  static async start(wash: "washing" | "not-washing"): Promise<WatchedServer> {
    const directory = mkdtempSync(join(tmpdir(), "cinder-memory-"))
    const child = Bun.spawn([process.execPath, SCRIPT, directory, wash], {
      ...{ stdin: "ignore", stdout: "pipe", stderr: "inherit" },
    })
    const { promise, resolve, reject } = Promise.withResolvers<WatchedServer>()
    const watch = async () => {
      let server: WatchedServer | undefined
      for await (const line of linesOf(child.stdout)) {
        const washed = /^washed (\d+)$/.exec(line)?.[1]
        if (washed === undefined) server = new WatchedServer(directory, Number(line), child)
        else if (server !== undefined) server.#note(Number(washed))
        if (server !== undefined) resolve(server)
      }
      reject(new Error("the server did not start"))
    }
    void watch()
    return await promise
  }

  /** Waits until the memory was washed after the first so many requests. */
  async washedAfter(requests: number): Promise<void> {
    while (this.#washed < requests) await new Promise<void>((resolve) => this.#waiting.add(resolve))
  }

  #note(washed: number): void {
    this.#washed = washed
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  get pid(): number {
    return this.#process.pid
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL")
    await this.#process.exited
    rmSync(this.directory, { recursive: true })
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let text = ""
  for await (const chunk of stream) {
    const lines = (text + decoder.decode(chunk, { stream: true })).split("\n")
    text = lines.pop() ?? ""
    yield* lines
  }
}
