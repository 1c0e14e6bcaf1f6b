import type { CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { FORMAT_VERSION, REQUEST_NONCE_BYTES } from "../limits.ts"
import { concat, toHex } from "../wire/bytes.ts"
import { encodeCbor } from "../wire/cbor.ts"
import { externalAad, signRequest } from "../wire/cose.ts"
import {
  type Endpoint,
  type Params,
  type Result,
  type Sender,
  type TokenService,
  tokenService,
} from "../wire/endpoint.ts"
import type { ProblemCode } from "../wire/problem.ts"
import { encodeSenderId, type SenderId } from "../wire/sender.ts"
import { decodeResult, domainOf, problemCode, readBounded } from "./answers.ts"
import { ClientError } from "./errors.ts"
import { backoffMilliseconds, pause } from "./pace.ts"
import { type Moment, ServerClock } from "./server-clock.ts"

/** Who signs a request: the name the server finds the key by, and the Ed25519 seed. */
export interface Signer {
  readonly sender: SenderId
  readonly seed: Uint8Array
}

/** The part of `fetch` that is used. */
export type Fetch = (url: URL, request: RequestInit) => Promise<Response>

/** Pays for operations that cost a token. */
export interface TokenSource {
  /** The `Authorization` header with a token that nobody used before; undefined if the server wants none. */
  take(service: TokenService): Promise<string | undefined>
  /** The server refused what {@link take} gave, with this code. */
  refused(service: TokenService, code: ProblemCode): Promise<void>
}

export interface TransportOptions {
  /** `https://chat.example.org`; operations are below it. */
  readonly url: string
  /** The same for operations of the AS. Default: {@link url}. */
  readonly asUrl?: string
  readonly crypto: CryptoProvider
  /** Aborted when the client is closed. */
  readonly signal: AbortSignal
  /** How long one call may go on trying while the server cannot be reached or is busy. */
  readonly patienceMilliseconds: number
  readonly fetch: Fetch
  /** This device's clock, in milliseconds since 1970. Default: the runtime's. */
  readonly now?: () => number
}

/** One attempt, at most. */
const ATTEMPT_MILLISECONDS_MAX = 30_000
/** Signatures that the server may find stale before the client gives up: after a restart it refuses those of its first second. */
const STALE_ATTEMPTS_MAX = 6
/** Tokens that one call may lose to refusals: to a key that was replaced, or to a server that was set back. */
const TOKEN_ATTEMPTS_MAX = 4

type Attempt<R> =
  | { readonly kind: "answer"; readonly result: R }
  | { readonly kind: "refusal"; readonly code: ProblemCode }
  /** Nobody knows whether the server carried it out. */
  | { readonly kind: "lost" }

const DISCOVERY_PATH = "/.well-known/phoenix"

type SignerOf<S extends Sender> = S extends "none" ? [] : [signer: Signer]

/**
 * Calls operations. A call is repeated, newly signed, while the server cannot be reached or is busy; every operation
 * is safe to repeat that way: identical commits are accepted once and acknowledged again, receivers drop a message
 * that they have, claims may cost one more package.
 *
 * Requests to the AS carry real identities, those to the DS and the QS pseudonyms: they must not share a connection.
 * AS requests are therefore sent without keep-alive. Browsers ignore that for HTTP/2; a page that needs the
 * separation there has to reach the AS under an origin of its own, `asUrl`.
 *
 * Signatures carry the server's time, and no part of a client must show what another one was told: the user, each alias and
 * the pseudonyms learn it each from their own answers, and before their first signature from a document that anybody reads.
 * All else goes by the device's clock, so the server cannot have anything end or begin by what it says.
 */
export class Transport {
  readonly #options: TransportOptions
  readonly #now: () => number
  /** By the part of the client that signs. */
  readonly #clocks = new Map<string, ServerClock>()
  #tokens: TokenSource | undefined

  constructor(options: TransportOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /** From now on operations that cost a token are paid for; before, none of them is. */
  payWith(tokens: TokenSource): void {
    this.#tokens = tokens
  }

  /** Seconds since 1970 by the device's clock. */
  now(): number {
    return Math.floor(this.#now() / 1000)
  }

  /**
   * Throws ClientError: the server's code when it refuses, `client.unreachable` when patience ends, `client.closed`,
   * `client.unexpected-response`.
   */
  async call<E extends Endpoint>(
    endpoint: E,
    params: Params<E>,
    ...signer: SignerOf<E["sender"]>
  ): Promise<Result<E>> {
    const { signal, patienceMilliseconds } = this.#options
    const deadline = Date.now() + patienceMilliseconds
    const payload = encodeCbor(params)
    let lost = false
    let stale = 0
    let unpaid = 0
    try {
      for (let attempt = 1; ; attempt++) {
        if (signal.aborted) throw new ClientError("client.closed", { ambiguous: lost })
        const outcome = await this.#attempt(endpoint, payload, signer[0])
        if (outcome.kind === "answer") return outcome.result
        if (outcome.kind === "lost") lost = true
        else if (outcome.code === "auth.stale" && ++stale < STALE_ATTEMPTS_MAX) {
          if (stale === 1) continue
        } else if (outcome.code.startsWith("token.") && ++unpaid < TOKEN_ATTEMPTS_MAX) {
          await this.#tokens?.refused(tokenService(endpoint), outcome.code)
          continue
        } else if (outcome.code !== "server.overloaded") {
          throw new ClientError(outcome.code, { ambiguous: lost })
        }
        const delay = backoffMilliseconds(attempt)
        if (Date.now() + delay > deadline) throw new ClientError("client.unreachable", { ambiguous: lost })
        await pause(delay, signal)
      }
    } finally {
      wipe(payload)
    }
  }

  /**
   * The first frame of a stream, or the body of a signed request: version byte and COSE_Sign1. {@link learnTime} comes
   * before it.
   */
  sign(method: "GET" | "POST", path: string, payload: Uint8Array, signer: Signer): Uint8Array {
    const { crypto } = this.#options
    const parts = {
      kid: encodeSenderId(signer.sender),
      issuedAt: this.#clockOf(signer).now(),
      nonce: crypto.random(REQUEST_NONCE_BYTES),
      payload,
    }
    const request = signRequest(crypto, signer.seed, parts, externalAad(method, path))
    const body = concat(Uint8Array.of(FORMAT_VERSION), request)
    wipe(request)
    return body
  }

  /** Asks for the server's time, once, unless it is known. Rejects if there is no answer. */
  async learnTime(signer: Signer): Promise<void> {
    const clock = this.#clockOf(signer)
    if (clock.known) return
    const response = await this.#get(DISCOVERY_PATH, "no-store")
    if (response.ok) clock.learn(response.headers.get("date"), clock.moment())
    await response.body?.cancel()
    if (!response.ok) throw new ClientError("client.unreachable")
  }

  /** The server found a signature stale where it does not say its time: on a stream. */
  forgetTime(signer: Signer): void {
    this.#clockOf(signer).forget()
  }

  /** The domain that the server says it serves. Throws ClientError as {@link call} does. */
  async discoverDomain(): Promise<string> {
    const document = await this.document(DISCOVERY_PATH)
    if (document === undefined) throw new ClientError("client.unexpected-response")
    return domainOf(document)
  }

  /** A public document, asked for as anybody would; undefined if the server has none at this path. */
  async document(path: string): Promise<Uint8Array | undefined> {
    const { signal, patienceMilliseconds } = this.#options
    const deadline = Date.now() + patienceMilliseconds
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await this.#get(path)
        if (response.status === 404) return undefined
        if (response.ok) return await readBounded(response)
      } catch (error) {
        if (error instanceof ClientError) throw error
      }
      const delay = backoffMilliseconds(attempt)
      if (Date.now() + delay > deadline) throw new ClientError("client.unreachable")
      await pause(delay, signal)
    }
  }

  async #attempt<E extends Endpoint>(
    endpoint: E,
    payload: Uint8Array,
    signer: Signer | undefined,
  ): Promise<Attempt<Result<E>>> {
    if (signer !== undefined && !(await this.#knowsTime(signer))) return { kind: "lost" }
    const authorization = endpoint.token ? await this.#tokens?.take(tokenService(endpoint)) : undefined
    const body =
      signer === undefined
        ? concat(Uint8Array.of(FORMAT_VERSION), payload)
        : this.sign("POST", endpoint.path, payload, signer)
    const clock = signer && this.#clockOf(signer)
    let response: Response
    let heard: Moment | undefined
    let answer: Uint8Array
    try {
      response = await this.#fetch(endpoint, body, authorization)
      heard = clock?.moment()
      answer = await readBounded(response)
    } catch (error) {
      if (error instanceof ClientError) throw error
      return { kind: "lost" }
    } finally {
      wipe(body)
    }
    const code = response.ok ? undefined : problemCode(answer)
    if (code === "auth.stale") clock?.forget()
    if (heard !== undefined && (response.ok || code !== undefined))
      clock?.learn(response.headers.get("date"), heard)
    if (response.ok) return { kind: "answer", result: decodeResult(endpoint, answer) }
    if (code !== undefined) return { kind: "refusal", code }
    // A proxy in front of the server answers in its own words while the server is away.
    if (response.status >= 500) return { kind: "lost" }
    throw new ClientError("client.unexpected-response")
  }

  #knowsTime(signer: Signer): Promise<boolean> {
    return this.learnTime(signer).then(
      () => true,
      () => false,
    )
  }

  #clockOf({ sender }: Signer): ServerClock {
    const part = sender.kind === "client" || sender.kind === "alias" ? toHex(sender.id) : "pseudonym"
    const clock = this.#clocks.get(part) ?? new ServerClock(this.#now)
    this.#clocks.set(part, clock)
    return clock
  }

  async #get(path: string, cache: RequestCache = "default"): Promise<Response> {
    const { url, fetch } = this.#options
    const signal = this.#attemptSignal()
    return await fetch(new URL(path, url), { signal, credentials: "omit", cache, keepalive: false })
  }

  async #fetch(endpoint: Endpoint, body: Uint8Array, authorization: string | undefined): Promise<Response> {
    const { url, asUrl = url, fetch } = this.#options
    const toAs = endpoint.path.startsWith("/as/")
    return await fetch(new URL(endpoint.path, toAs ? asUrl : url), {
      method: "POST",
      headers: { "content-type": "application/cbor", ...(authorization && { authorization }) },
      body: body as Uint8Array<ArrayBuffer>,
      credentials: "omit",
      referrerPolicy: "no-referrer",
      cache: "no-store",
      redirect: "error",
      keepalive: !toAs && !inBrowser(),
      signal: this.#attemptSignal(),
    })
  }

  #attemptSignal(): AbortSignal {
    return AbortSignal.any([this.#options.signal, AbortSignal.timeout(ATTEMPT_MILLISECONDS_MAX)])
  }
}

/** In browsers `keepalive` means something else: the request outlives its page, and its body is limited. */
function inBrowser(): boolean {
  return "document" in globalThis || "WorkerGlobalScope" in globalThis
}
