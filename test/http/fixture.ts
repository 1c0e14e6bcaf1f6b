import { Type } from "@sinclair/typebox"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { fixedDocument } from "../../src/http/answers.ts"
import { Edge, type EdgeOptions } from "../../src/http/edge.ts"
import { operationsOf } from "../../src/http/routes.ts"
import type { StreamSink } from "../../src/http/stream.ts"
import { ID_BYTES, SMALL_REQUEST_BODY_BYTES_MAX } from "../../src/limits.ts"
import { Conflict, Overloaded } from "../../src/store/database.ts"
import { equal } from "../../src/wire/bytes.ts"
import { decodeBody, encodeBody, encodeCbor } from "../../src/wire/cbor.ts"
import { externalAad, signRequest } from "../../src/wire/cose.ts"
import { boundedBytes, closed, endpoint } from "../../src/wire/endpoint.ts"
import { Problem } from "../../src/wire/problem.ts"
import { encodeSenderId, type SenderId } from "../../src/wire/sender.ts"

/** A table of operations that shows what the edge hands to services and makes of their answers. */
export const endpoints = {
  echo: endpoint({
    name: "test.echo",
    path: "/test/echo",
    sender: "none",
    summary: "Answers with its bytes.",
    params: closed({ bytes: boundedBytes(SMALL_REQUEST_BODY_BYTES_MAX, "anything") }),
    result: closed({ bytes: boundedBytes(SMALL_REQUEST_BODY_BYTES_MAX, "the same") }),
    bodyBytesMax: 4096,
  }),
  signed: endpoint({
    name: "test.signed",
    path: "/test/signed",
    sender: "qs-client",
    summary: "Answers once per signature.",
    params: closed({ bytes: boundedBytes(SMALL_REQUEST_BODY_BYTES_MAX, "anything") }),
    result: closed({ length: Type.Integer() }),
  }),
  other: endpoint({
    name: "test.other",
    path: "/test/other",
    sender: "qs-client",
    summary: "Like the first, at another path.",
    params: closed({ bytes: boundedBytes(SMALL_REQUEST_BODY_BYTES_MAX, "anything") }),
    result: closed({ length: Type.Integer() }),
  }),
  fail: endpoint({
    name: "test.fail",
    path: "/test/fail",
    sender: "none",
    summary: "Throws what is asked for.",
    params: closed({ what: Type.String() }),
    result: closed({}),
  }),
} as const

export const SECRET_IN_ERROR = "0123456789abcdef-a-key-in-a-message"

const failures: Readonly<Record<string, () => unknown>> = {
  problem: () => new Problem("ds.invalid-message", "DS-VAL-001"),
  overloaded: () => new Overloaded(),
  conflict: () => new Conflict(),
  error: () =>
    Object.assign(new Error(`${SECRET_IN_ERROR}\n    at ${SECRET_IN_ERROR}`), { key: SECRET_IN_ERROR }),
  string: () => SECRET_IN_ERROR,
}

export const sender: SenderId = { kind: "qs-client", id: new Uint8Array(ID_BYTES).fill(7) }
export const seed = new Uint8Array(32).fill(9)
const publicKey = nativeCrypto.ed25519Public(seed)

/** What the last echo's handler got: a view of the request's body. */
export const seen: { bytes: Uint8Array | undefined } = { bytes: undefined }

export interface TestEdge {
  readonly edge: Edge
  readonly port: number
  readonly url: string
  readonly reports: string[]
  readonly streams: TestStream[]
}

export interface TestStream {
  readonly sink: StreamSink
  readonly frames: unknown[]
  drains: number
  closed: number
}

export interface TestEdgeOptions {
  /** Milliseconds since 1970. */
  readonly clock?: () => number
  readonly boundary?: number
  readonly admission?: EdgeOptions["admission"]
  /** Echoes are answered when this resolves. */
  readonly gate?: Promise<void>
}

export function startEdge(options: TestEdgeOptions = {}): TestEdge {
  const reports: string[] = []
  const streams: TestStream[] = []
  const edge = new Edge({
    operations: operationsOf(endpoints, {
      async echo({ bytes }) {
        seen.bytes = bytes
        await options.gate
        return { bytes }
      },
      async signed(call) {
        return { length: call.verify(publicKey).bytes.length }
      },
      async other(call) {
        return { length: call.verify(publicKey).bytes.length }
      },
      async fail({ what }) {
        throw failures[what]?.()
      },
    }),
    async openStream(call, sink) {
      if (call.sender.kind === "leaf" || !equal(call.sender.id, new Uint8Array(ID_BYTES).fill(7)))
        throw new Problem("auth.refused")
      call.verify(publicKey)
      const stream: TestStream = { sink, frames: [], drains: 0, closed: 0 }
      streams.push(stream)
      return {
        onFrame: (frame) => {
          stream.frames.push(structuredClone(frame))
          if (frame.type === "used-up") throw new Error(SECRET_IN_ERROR)
        },
        onDrain: () => stream.drains++,
        onClosed: () => stream.closed++,
      }
    },
    documents: { "/document": fixedDocument({ a: 1 }) },
    crypto: nativeCrypto,
    clock: options.clock ?? Date.now,
    boundary: options.boundary ?? 0,
    report: (line) => reports.push(line),
    ...(options.admission === undefined ? {} : { admission: options.admission }),
  })
  const port = edge.listen("127.0.0.1", 0)
  return { edge, port, url: `http://127.0.0.1:${port}`, reports, streams }
}

export interface SigningOptions {
  readonly path?: string
  readonly method?: string
  readonly issuedAt?: number
  readonly nonce?: Uint8Array
  readonly seed?: Uint8Array
  readonly sender?: SenderId
  readonly kid?: Uint8Array
}

/** A signed body: version byte and COSE_Sign1. */
export function signedBody(params: unknown, options: SigningOptions = {}): Uint8Array {
  const cose = signRequest(
    nativeCrypto,
    options.seed ?? seed,
    {
      kid: options.kid ?? encodeSenderId(options.sender ?? sender),
      issuedAt: options.issuedAt ?? Math.floor(Date.now() / 1000),
      nonce: options.nonce ?? nativeCrypto.random(16),
      payload: encodeCbor(params),
    },
    externalAad(options.method ?? "POST", options.path ?? endpoints.signed.path),
  )
  return Uint8Array.of(1, ...cose)
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Uint8Array
  /** The problem's code, or `ok`. */
  readonly code: string
}

export async function post(
  url: string,
  path: string,
  body: Uint8Array | string,
  headers: Record<string, string> = {},
) {
  const response = await fetch(url + path, {
    method: "POST",
    body: body as Uint8Array<ArrayBuffer>,
    headers: { "content-type": "application/cbor", ...headers },
  })
  return await answerOf(response)
}

export async function answerOf(response: Response): Promise<Answer> {
  const body = new Uint8Array(await response.arrayBuffer())
  const problem = response.headers.get("content-type") === "application/problem+json"
  const code = problem ? (JSON.parse(Buffer.from(body).toString()) as { code: string }).code : "ok"
  return { status: response.status, headers: response.headers, body, code }
}

export function resultOf(answer: Answer): unknown {
  return decodeBody(answer.body)
}

export function echoBody(bytes: Uint8Array): Uint8Array {
  return encodeBody({ bytes })
}

/** Sends raw text on a fresh connection, in pieces, and returns what comes back until it ends or falls silent. */
export async function raw(port: number, ...pieces: readonly string[]): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  let received = ""
  let silence: ReturnType<typeof setTimeout> | undefined
  const wait = (milliseconds: number) => {
    clearTimeout(silence)
    silence = setTimeout(() => resolve(received), milliseconds)
  }
  wait(3000)
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_, data) => {
        received += Buffer.from(data).toString("latin1")
        wait(60)
      },
      close: () => resolve(received),
      error: () => resolve(received),
    },
  })
  for (const piece of pieces) {
    socket.write(Buffer.from(piece, "latin1"))
    await Bun.sleep(20)
  }
  const text = await promise
  clearTimeout(silence)
  socket.end()
  return text
}
