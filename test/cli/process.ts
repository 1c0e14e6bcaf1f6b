import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const MAIN = join(import.meta.dir, "../../src/main.ts")

export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A server process that listens. */
export interface ServerProcess {
  readonly pid: number
  readonly port: number
  readonly url: string
  /** Sends SIGHUP; resolves when the server says that it has read the secrets again. */
  reload(): Promise<void>
  /** Sends the signal; resolves when the process has ended. */
  end(signal: "SIGTERM" | "SIGINT" | "SIGKILL"): Promise<Ended>
}

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), "cinder-test-"))
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const probe = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() })
  const { port = 0 } = probe
  await probe.stop(true)
  return port
}

function spawn(words: readonly string[], environment: Readonly<Record<string, string>>, cwd: string) {
  return Bun.spawn([process.execPath, MAIN, ...words], {
    cwd,
    env: { PATH: process.env["PATH"] ?? "", ...environment },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })
}

/** Runs `cinder` to its end. */
export async function cinder(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  cwd = tmpdir(),
): Promise<Ended> {
  const child = spawn(words, environment, cwd)
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { code, stdout, stderr }
}

/** Starts `cinder serve` and waits for the line that says where it listens. */
export async function serve(data: string, ...flags: readonly string[]): Promise<ServerProcess> {
  return await serveIn({}, data, ...flags)
}

/** The same with an environment. */
export async function serveIn(
  environment: Readonly<Record<string, string>>,
  data: string,
  ...flags: readonly string[]
): Promise<ServerProcess> {
  return await serveWith(["--data", data, "--domain", "example.org", "--port", "0", ...flags], environment)
}

/** The same with these flags alone. */
export async function serveWith(
  flags: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  cwd = tmpdir(),
): Promise<ServerProcess> {
  const child = spawn(["serve", ...flags], environment, cwd)
  const stderr = new Response(child.stderr).text()
  const reader = child.stdout.getReader()
  const decoder = new TextDecoder()
  let stdout = ""
  const more = async () => {
    const { value, done } = await reader.read()
    stdout += decoder.decode(value, { stream: true })
    return !done
  }
  const listening = () => /^listening on (https?):\/\/127\.0\.0\.1:(\d+)$/m.exec(stdout)
  while (listening() === null) if (!(await more())) throw new Error(`the server ended: ${await stderr}`)
  const [, scheme, digits] = listening() ?? []
  const port = Number(digits)
  return {
    pid: child.pid,
    port,
    url: `${scheme}://127.0.0.1:${port}`,
    async reload() {
      const before = stdout.length
      child.kill("SIGHUP")
      while (!stdout.slice(before).includes("read the secrets again\n"))
        if (!(await more())) throw new Error(`the server ended: ${await stderr}`)
    },
    async end(signal) {
      child.kill(signal)
      const code = await child.exited
      while (await more());
      return { code, stdout, stderr: await stderr }
    },
  }
}

/** `cinder` in a terminal of its own. */
export class TerminalSession {
  readonly #child: Bun.Subprocess
  readonly #decoder = new TextDecoder()
  readonly #waiting = new Set<() => void>()
  #shown = ""

  constructor(words: readonly string[], cwd: string) {
    this.#child = Bun.spawn([process.execPath, MAIN, ...words], {
      cwd,
      env: { PATH: process.env["PATH"] ?? "", TERM: "xterm" },
      terminal: {
        cols: 120,
        rows: 40,
        data: (_, bytes) => {
          this.#shown += this.#decoder.decode(bytes, { stream: true })
          for (const wake of this.#waiting) wake()
        },
      },
    })
  }

  /** Resolves when the text has come, with what came since the last time. */
  async shows(text: string): Promise<string> {
    return Bun.stripANSI(await this.showsRaw(text))
  }

  /** The same with colours and movements. */
  async showsRaw(text: string): Promise<string> {
    while (!Bun.stripANSI(this.#shown).includes(text)) {
      await new Promise<void>((resolve) => {
        this.#waiting.add(() => resolve())
      })
    }
    const shown = this.#shown
    this.#shown = ""
    return shown
  }

  type(keys: string): void {
    this.#child.terminal?.write(keys)
  }

  /** The exit code. */
  async end(): Promise<number> {
    return await this.#child.exited
  }
}
