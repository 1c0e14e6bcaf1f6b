import { join } from "node:path"
import type { ServerOptions, ServerProcess } from "../../src/demo/server-process.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import { problems } from "../../src/wire/problem.ts"
import { clientFrames } from "./frames.ts"
import { DOMAIN } from "./homeserver.ts"
import { answersOf, requestsOf, upgradedPart, type WireMessage } from "./http-requests.ts"
import { LoopbackProxy } from "./proxy.ts"
import { readingsOf } from "./readings.ts"
import { Haystack } from "./search.ts"

const MAIN = join(import.meta.dir, "../../src/main.ts")

/** Whatever makes a runtime, its libraries or a program talk. */
const TALKATIVE = {
  BUN_CONFIG_VERBOSE_FETCH: "curl",
  BUN_DEBUG_ALL: "1",
  BUN_DEBUG_QUIET_LOGS: "0",
  DEBUG: "*",
  LOG_LEVEL: "trace",
  MIMALLOC_SHOW_ERRORS: "1",
  MIMALLOC_VERBOSE: "1",
  NODE_DEBUG: "*",
  NODE_ENV: "development",
  VERBOSE: "1",
}

/**
 * Server processes that are made to talk as much as they can, whose output is kept, and all that goes to them and
 * comes from them over a proxy.
 */
export class Overhearing {
  readonly #preload: string | undefined
  readonly #output: Uint8Array[] = []
  readonly #proxies: LoopbackProxy[] = []
  readonly #children: Bun.Subprocess<"ignore", "pipe", "pipe">[] = []
  readonly #known: Uint8Array[] = []

  /** `preload`: a module that runs in the server before its program. */
  constructor(preload?: string) {
    this.#preload = preload
  }

  /** Starts a server. Its port is the proxy's. */
  readonly launch = async ({ data, domain, port, flags = [] }: ServerOptions): Promise<ServerProcess> => {
    const preload = this.#preload === undefined ? [] : ["--preload", this.#preload]
    const words = ["serve", "--data", data, "--domain", domain, "--port", "0", ...flags]
    const child = Bun.spawn([process.execPath, ...preload, MAIN, ...words], {
      ...{ stdin: "ignore", stdout: "pipe", stderr: "pipe" },
      env: { PATH: process.env["PATH"] ?? "", ...TALKATIVE },
    })
    this.#children.push(child)
    const begin = this.#output.length
    const drained = Promise.all([this.#keep(child.stdout), this.#keep(child.stderr)])
    const listening = () =>
      /listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(
        Buffer.concat(this.#output.slice(begin)).toString(),
      )?.[1]
    while (listening() === undefined) {
      if (child.exitCode !== null) throw new Error("the server did not start")
      await Bun.sleep(5)
    }
    const proxy = await LoopbackProxy.start(() => Number(listening()), { keepAnswers: true, port })
    this.#proxies.push(proxy)
    const end = async (signal: NodeJS.Signals) => {
      child.kill(signal)
      const code = await child.exited
      await drained
      await proxy.stop()
      return code
    }
    return {
      port: Number(new URL(proxy.url).port),
      kill: async () => void (await end("SIGKILL")),
      stop: () => end("SIGTERM"),
    }
  }

  /** To the last server. */
  signal(signal: NodeJS.Signals): void {
    this.#children.at(-1)?.kill(signal)
  }

  /** From now on the last server can write no file beyond its first block. */
  takeDisk(): void {
    const { exitCode } = Bun.spawnSync(["prlimit", "--fsize=4096", "--pid", `${this.#children.at(-1)?.pid}`])
    if (exitCode !== 0) throw new Error("the limit was not set")
  }

  /** Resolves when the last server has ended by itself. */
  async ended(): Promise<void> {
    await this.#children.at(-1)?.exited
  }

  /** What clients know and never send as it is: texts, and keys. */
  alsoKnown(...known: readonly Uint8Array[]): void {
    this.#known.push(...known)
  }

  get output(): string {
    return Buffer.concat(this.#output).toString()
  }

  /** The codes of all refusals. */
  get codes(): Set<string> {
    const refusals = this.#answers().filter(isProblem)
    return new Set(
      refusals.map(({ body }) => (JSON.parse(Buffer.from(body).toString()) as { code: string }).code),
    )
  }

  /** What was sent, or known, and is in what servers printed, in headers of answers or in refusals; in hexadecimal. */
  leaks(): string[] {
    const secrets = new Haystack([...this.#sent(), ...this.#known])
    const answers = this.#answers()
    const said = [
      ...this.#output,
      utf8(answers.map(({ head }) => head).join("\n")),
      ...answers.filter(isProblem).map(({ body }) => body),
    ]
    return readingsOf(Buffer.concat(said)).flatMap((reading) => secrets.sharedWith(reading, sayable))
  }

  /** Bodies, tokens and frames. */
  #sent(): Uint8Array[] {
    return this.#passages().flatMap(({ sent }) => {
      const requests = requestsOf(sent)
      const tokens = requests.map(({ headers }) => headers.get("authorization") ?? "")
      return [
        ...requests.map(({ body }) => body),
        ...tokens.flatMap((token) => readingsOf(utf8(token.replace(/^PrivateToken token=/, "")))),
        ...clientFrames(upgradedPart(sent)),
      ]
    })
  }

  #answers(): WireMessage[] {
    return this.#passages().flatMap(({ received }) => answersOf(received))
  }

  #passages() {
    return this.#proxies.flatMap(({ passages }) => passages).filter(({ sent }) => sent.length > 0)
  }

  async #keep(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of stream) this.#output.push(chunk)
  }
}

/** What is in requests and answers, and means nothing. */
const sayable = new Haystack([
  utf8(JSON.stringify(problems)),
  utf8(`${DOMAIN} application/cbor application/problem+json`),
])

function isProblem({ headers }: WireMessage): boolean {
  return headers.get("content-type") === "application/problem+json"
}
