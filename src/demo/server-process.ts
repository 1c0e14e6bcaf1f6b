import { join } from "node:path"

/** The homeserver as a process of its own, so that it can be killed like one. */
export interface ServerProcess {
  readonly port: number
  /** SIGKILL: no handler runs, nothing is flushed. */
  kill(): Promise<void>
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number>
}

export interface ServerOptions {
  readonly data: string
  readonly domain: string
  /** 0 picks a free one. */
  readonly port: number
  /** A built binary; without it the server runs from its source. */
  readonly binary: string | undefined
  /** Other flags of `cinder serve`. */
  readonly flags?: readonly string[]
}

const READY_MILLISECONDS_MAX = 20_000

/** Starts the server and waits until it says where it listens. */
export async function startServerProcess(options: ServerOptions): Promise<ServerProcess> {
  const program =
    options.binary === undefined ? [process.execPath, join(import.meta.dir, "../main.ts")] : [options.binary]
  const { data, domain, port: wanted, flags = [] } = options
  const child = Bun.spawn(
    [...program, "serve", "--data", data, "--port", `${wanted}`, "--domain", domain, ...flags],
    { stdin: "ignore", stdout: "pipe", stderr: "inherit" },
  )
  const port = await listeningPort(child.stdout)
  if (port === undefined) {
    child.kill("SIGKILL")
    throw new Error("the server did not start")
  }
  return {
    port,
    async kill() {
      child.kill("SIGKILL")
      await child.exited
    },
    async stop() {
      child.kill("SIGTERM")
      return await child.exited
    },
  }
}

async function listeningPort(stdout: ReadableStream<Uint8Array>): Promise<number | undefined> {
  const reader = stdout.getReader()
  const timeout = setTimeout(() => void reader.cancel(), READY_MILLISECONDS_MAX)
  const decoder = new TextDecoder()
  let text = ""
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return undefined
      text += decoder.decode(value, { stream: true })
      const match = /listening on http:\/\/\S+:(\d+)/.exec(text)
      if (match !== null) return Number(match[1])
    }
  } finally {
    clearTimeout(timeout)
    reader.releaseLock()
  }
}
