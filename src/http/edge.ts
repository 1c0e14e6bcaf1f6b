import type { Server } from "bun"
import { Elysia } from "elysia"
import type { CryptoProvider } from "../crypto/provider.ts"
import {
  CONNECTION_IDLE_SECONDS_MAX,
  KEY_BYTES,
  REQUEST_BODY_BYTES_MAX,
  REQUEST_PATIENCE_MILLISECONDS,
  REQUESTS_AT_WORK_MAX,
  REQUESTS_IN_FLIGHT_MAX,
  REQUESTS_WAITING_MAX,
  RINSE_BODY_BYTES,
  SOCKETS_MAX,
  STOP_SECONDS_MAX,
} from "../limits.ts"
import { Problem } from "../wire/problem.ts"
import { STREAM_PATH, streamClose } from "../wire/queue.ts"
import { Admission, type AdmissionLimits } from "./admission.ts"
import {
  cborAnswer,
  dated,
  documentAnswer,
  type PublicDocument,
  preflightAnswer,
  problemAnswer,
  textAnswer,
} from "./answers.ts"
import { widenBacklog } from "./backlog.ts"
import { readBody } from "./body.ts"
import type { CallGuard } from "./calls.ts"
import { asProblem, type Report } from "./failure.ts"
import { Freshness } from "./freshness.ts"
import { isPlainHost, targetOf } from "./host.ts"
import { ReplayCache } from "./replay.ts"
import { rinse, rinseAnswer, rinsePath } from "./rinse.ts"
import { type Operation, operationRunner, type TokenGate } from "./routes.ts"
import { unwatched, type WatchSecrets } from "./secrets.ts"
import { Connection, type OpenStream, Streams } from "./stream.ts"

export interface EdgeOptions {
  readonly operations: readonly Operation[]
  readonly openStream: OpenStream
  /** By path. */
  readonly documents: Readonly<Record<string, PublicDocument>>
  /** What else is answered to GET, by path; for pages of this origin. */
  readonly pages?: Readonly<Record<string, (request: Request) => Promise<Response>>>
  readonly crypto: CryptoProvider
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /** Signatures of this second and earlier are refused (see Freshness); 0 for none. */
  readonly boundary: number
  readonly report: Report
  /** The server speaks TLS. */
  readonly tls?: TlsIdentity | undefined
  /** Called after each request with parameters and each frame of a stream, whatever came of it. */
  readonly served?: () => void
  /** Called after each request with parameters, with the refusal if it was one, and how long it took. */
  readonly settled?: ((problem: Problem | undefined, milliseconds: number) => void) | undefined
  /** Told what secrets there are in requests, and for how long. */
  readonly watch?: WatchSecrets
  /** Other than usual, for tests. */
  readonly admission?: Partial<AdmissionLimits>
}

const admissionLimits: AdmissionLimits = {
  inFlightMax: REQUESTS_IN_FLIGHT_MAX,
  atWorkMax: REQUESTS_AT_WORK_MAX,
  waitingMax: REQUESTS_WAITING_MAX,
  patienceMilliseconds: REQUEST_PATIENCE_MILLISECONDS,
}

/** A shorter Host would move where Elysia looks for the path. */
const HTTPS_HOST_CHARACTERS_MIN = 3

/** The server's certificate with those of its issuers, and its key, in PEM. */
export interface TlsIdentity {
  readonly certificate: Uint8Array
  readonly key: Uint8Array
}

/** The server's HTTP and WebSocket side: the only place that knows Elysia. */
export class Edge {
  readonly #guard: CallGuard
  readonly #streams: Streams
  readonly #report: Report
  readonly #admission: Admission
  readonly #postPaths: ReadonlySet<string>
  readonly #getPaths: ReadonlySet<string>
  readonly #fetch: (request: Request) => Response | Promise<Response>
  readonly #rinsePath: string
  readonly #served: () => void
  readonly #settled: NonNullable<EdgeOptions["settled"]>
  readonly #tls: TlsIdentity | undefined
  readonly #watch: WatchSecrets
  #server: Server<Connection> | undefined
  #stopping = false

  constructor(options: EdgeOptions) {
    const { crypto, clock, boundary, report, operations, documents, pages = {} } = options
    const freshness = new Freshness(clock, boundary)
    this.#guard = { crypto, freshness, replay: new ReplayCache(crypto) }
    this.#report = report
    this.#admission = new Admission({ ...admissionLimits, ...options.admission }, () => performance.now())
    this.#served = options.served ?? (() => undefined)
    this.#settled = options.settled ?? (() => undefined)
    this.#tls = options.tls
    this.#watch = options.watch ?? unwatched
    this.#streams = new Streams(this.#guard, options.openStream, report, this.#served, this.#watch)
    this.#postPaths = new Set(operations.map(({ endpoint }) => endpoint.path))
    this.#getPaths = new Set([STREAM_PATH, "/health", ...Object.keys({ ...documents, ...pages })])
    this.#rinsePath = rinsePath(crypto.random(KEY_BYTES))
    this.#fetch = this.#routes(operations, documents, pages).fetch
  }

  /** Begins to accept connections and returns the port. Throws the system's error, for example of a port in use. */
  listen(host: string, port: number): number {
    const tls = this.#tls
    this.#server = Bun.serve<Connection>({
      hostname: host,
      port,
      ...(tls && { tls: { cert: asBuffer(tls.certificate), key: asBuffer(tls.key) } }),
      development: false,
      // Otherwise `development: false` turns it on, and a second server could take the same port.
      reusePort: false,
      // Beyond this Bun refuses by itself, without a code; below, the operations' own limits do.
      maxRequestBodySize: 2 * REQUEST_BODY_BYTES_MAX,
      idleTimeout: CONNECTION_IDLE_SECONDS_MAX,
      fetch: async (request) => this.#dated(this.#refuseEarly(request) ?? (await this.#fetch(request))),
      error: (error) => this.#dated(this.#refuse(error)),
      websocket: this.#streams.handler(),
    })
    const listening = this.#server.port ?? port
    widenBacklog(listening)
    return listening
  }

  /** Overwrites what requests and answers left in the buffers that they went through. */
  async rinse(): Promise<void> {
    const { hostname, port } = this.#server ?? {}
    if (this.#stopping || port === undefined) return
    await rinse({ host: reachable(hostname), port, secure: this.#tls !== undefined }, this.#rinsePath)
  }

  /** Streams that are open, and connections that have not opened theirs yet. */
  get streams(): number {
    return this.#streams.size
  }

  /** Accepts nothing more, lets requests in flight be answered, closes streams with `stopping`. */
  async stop(): Promise<void> {
    this.#stopping = true
    const server = this.#server
    if (server === undefined) return
    void server.stop(false)
    this.#streams.closeAll(streamClose.stopping)
    const deadline = performance.now() + STOP_SECONDS_MAX * 1000
    while (
      this.#admission.size + server.pendingRequests + this.#streams.size > 0 &&
      performance.now() < deadline
    )
      await Bun.sleep(5)
    await server.stop(true)
  }

  /** Order matters: Elysia's hooks hold for the routes that come after them. */
  #routes(
    operations: readonly Operation[],
    documents: EdgeOptions["documents"],
    pages: Required<EdgeOptions>["pages"],
  ) {
    // The path is looked for from the 11th character of the URL on, and with `false` from the 7th: of `http://`, or
    // behind a host of at least HTTPS_HOST_CHARACTERS_MIN.
    const handler = { standardHostname: this.#tls !== undefined }
    const app = new Elysia({ strictPath: true, normalize: false, handler })
      .onError(({ error, request }) => this.#refuse(error, request))
      .onRequest(({ request }) => this.#precheck(request))
    for (const operation of operations) {
      const run = operationRunner(this.#guard, operation, this.#watch)
      const { gate, endpoint } = operation
      app.post(endpoint.path, ({ request }) => this.#answer(run, request, gate), { parse: "none" })
    }
    for (const [path, document] of Object.entries(documents)) {
      app.get(path, () => documentAnswer(document))
    }
    for (const [path, answer] of Object.entries(pages)) app.get(path, ({ request }) => answer(request))
    app.post(this.#rinsePath, ({ request }) => this.#rinsed(request), { parse: "none" })
    app.get("/health", () => textAnswer("ok"))
    app.get(STREAM_PATH, ({ request }) => this.#upgrade(request))
    return app.compile()
  }

  /** An answer ends the request here; without one the path is matched. */
  #precheck(request: Request): Response | undefined {
    const hostMin = this.#tls === undefined ? 1 : HTTPS_HOST_CHARACTERS_MIN
    if (!isPlainHost(request.headers.get("host"), hostMin))
      return this.#refuse(new Problem("request.bad-host"))
    const target = targetOf(request.url)
    if (target.includes("?")) return this.#refuse(new Problem("request.not-found"))
    if (request.method === "OPTIONS" && this.#knows(target)) return preflightAnswer()
    return undefined
  }

  #knows(path: string): boolean {
    return this.#postPaths.has(path) || this.#getPaths.has(path)
  }

  /** Before anything is looked for: when there is much to refuse, that is most of what refusing costs. */
  #refuseEarly({ method, url }: Request): Response | undefined {
    if (method !== "POST" || this.#admission.hasRoom || url.endsWith(this.#rinsePath)) return undefined
    return this.#refuseOverload()
  }

  #refuseOverload(): Response {
    const refused = new Problem("server.overloaded")
    this.#settled(refused, 0)
    return this.#refuse(refused)
  }

  async #answer(
    run: (request: Request, turn: () => Promise<void>) => Promise<Uint8Array>,
    request: Request,
    gate: TokenGate | undefined,
  ): Promise<Response> {
    const began = performance.now()
    const admitted = this.#stopping ? undefined : this.#admission.begin()
    if (admitted === undefined) return this.#refuseOverload()
    let problem: Problem | undefined
    try {
      return cborAnswer(await run(request, () => this.#admission.turn(admitted)))
    } catch (error) {
      problem = asProblem(error, this.#report)
      if (problem.code === "auth.stale") await this.#guard.freshness.pastBoundary()
      return problemAnswer(problem, gate?.challenge())
    } finally {
      this.#admission.end(admitted)
      this.#settled(problem, performance.now() - began)
      this.#served()
    }
  }

  async #rinsed(request: Request): Promise<Response> {
    await readBody(request, RINSE_BODY_BYTES)
    return rinseAnswer()
  }

  #upgrade(request: Request): Response | undefined {
    if (this.#stopping || this.#streams.size >= SOCKETS_MAX)
      return this.#refuse(new Problem("server.overloaded"))
    if (this.#server?.upgrade(request, { data: new Connection(this.#streams) })) return undefined
    return this.#refuse(new Problem("request.malformed"))
  }

  /** Elysia's own errors are about paths and methods; there is no other way to get here with a request. */
  #refuse(error: unknown, request?: Request): Response {
    return problemAnswer(this.#problemOf(error, request))
  }

  #dated(answer: Response): Response {
    return dated(answer, this.#guard.freshness.now())
  }

  #problemOf(error: unknown, request: Request | undefined): Problem {
    const code: unknown = error instanceof Error && "code" in error ? error.code : undefined
    if (request === undefined || code !== "NOT_FOUND") return asProblem(error, this.#report)
    return new Problem(this.#knows(targetOf(request.url)) ? "request.wrong-method" : "request.not-found")
  }
}

/** An address of this machine at which a server that listens on `host` is reached. */
function reachable(host: string | undefined): string {
  if (host === undefined || host === "0.0.0.0") return "127.0.0.1"
  return host === "::" ? "::1" : host
}

/** Not a copy. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
