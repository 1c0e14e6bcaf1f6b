import type { Static } from "@sinclair/typebox"
import type { ServerWebSocket, WebSocketHandler } from "bun"
import { wipe } from "../crypto/wipe.ts"
import {
  PING_SECONDS_MAX,
  PING_SECONDS_MIN,
  SOCKET_IDLE_SECONDS_MAX,
  STREAM_BUFFERED_BYTES_MAX,
  STREAM_FRAME_BYTES_MAX,
  STREAM_OPEN_SECONDS_MAX,
} from "../limits.ts"
import { Turns } from "../turns.ts"
import type { SignedCall } from "../wire/call.ts"
import { encodeBody } from "../wire/cbor.ts"
import type { ProblemCode } from "../wire/problem.ts"
import {
  STREAM_PATH,
  StreamClientFrame,
  StreamOpen,
  type StreamServerFrame,
  streamClose,
} from "../wire/queue.ts"
import { bodyDecoder, type CallGuard, callOpener } from "./calls.ts"
import { asProblem, type Report } from "./failure.ts"
import { isTorn, secretFinder, type WatchSecrets } from "./secrets.ts"

/** Where a stream's state machine sends its frames. */
export interface StreamSink {
  /** Takes the frame in any case; false: the socket is full, send nothing more before `onDrain`. */
  send(frame: Static<typeof StreamServerFrame>): boolean
  close(code: number): void
}

/** A queue's stream, which knows nothing of sockets. Its calls keep nothing of what they are given: it is overwritten. */
export interface StreamSession {
  onFrame(frame: Static<typeof StreamClientFrame>): void
  onDrain(): void
  onClosed(): void
}

/** Verifies who opens a stream, and begins it. Throws Problem to refuse. */
export type OpenStream = (
  call: SignedCall<Static<typeof StreamOpen>>,
  sink: StreamSink,
) => StreamSession | Promise<StreamSession>

/** WebSocket close codes of RFC 6455 beside the protocol's own. */
const CLOSE_INTERNAL = 1011
const CLOSE_TRY_AGAIN = 1013

const closeCodes: Partial<Record<ProblemCode, number>> = {
  "auth.refused": streamClose.refused,
  "auth.replayed": streamClose.refused,
  "auth.stale": streamClose.stale,
  "server.overloaded": CLOSE_TRY_AGAIN,
  "server.internal": CLOSE_INTERNAL,
}

type Socket = ServerWebSocket<Connection>

/** One WebSocket, from its upgrade to its end. There may be ten thousands of them, so none has functions of its own. */
export class Connection implements StreamSink {
  readonly #streams: Streams
  #socket: Socket | undefined
  #state: "new" | "opening" | StreamSession | "closed" = "new"
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(streams: Streams) {
    this.#streams = streams
  }

  opened(socket: Socket): void {
    this.#socket = socket
    this.#timer = setTimeout(Connection.#refuse, STREAM_OPEN_SECONDS_MAX * 1000, this)
  }

  received(data: string | Uint8Array): void {
    if (typeof data === "string") {
      this.close(streamClose.malformed)
      return
    }
    if (this.#state === "new") {
      this.#state = "opening"
      // From here on only the server keeps the client waiting.
      clearTimeout(this.#timer)
      this.#streams.turns.take(() => void this.#open(data))
      return
    }
    const request = this.#streams.watch()
    const secrets = this.#streams.secretsIn(data)
    request.known(secrets)
    try {
      if (secrets.some(isTorn)) this.close(CLOSE_TRY_AGAIN)
      else if (this.#state === "opening") this.close(streamClose.malformed)
      else if (this.#state !== "closed") this.#state.onFrame(this.#streams.decodeFrame(data))
    } catch (error) {
      this.#fail(error)
    } finally {
      wipe(data)
      request.ended()
      this.#streams.served()
    }
  }

  get #isOver(): boolean {
    return this.#state === "closed"
  }

  async #open(data: Uint8Array): Promise<void> {
    try {
      if (this.#isOver) return
      const session = await this.#streams.open(data, this)
      if (this.#isOver) {
        session.onClosed()
        return
      }
      this.#state = session
      this.#pingLater()
    } catch (error) {
      const problem = asProblem(error, this.#streams.report)
      if (problem.code === "auth.stale") await this.#streams.guard.freshness.pastBoundary()
      this.close(closeCodes[problem.code] ?? streamClose.malformed)
    } finally {
      wipe(data)
    }
  }

  send(frame: Static<typeof StreamServerFrame>): boolean {
    const socket = this.#socket
    if (socket === undefined || this.#state === "closed") return false
    const status = socket.sendBinary(encodeBody(frame))
    if (status === 0) {
      this.close(streamClose.tooSlow)
      return false
    }
    return status > 0
  }

  drained(): void {
    this.#guarded((session) => session.onDrain())
  }

  ended(): void {
    this.#guarded((session) => session.onClosed())
    this.#state = "closed"
    clearTimeout(this.#timer)
  }

  close(code: number): void {
    this.#socket?.close(code)
  }

  #guarded(act: (session: StreamSession) => void): void {
    if (typeof this.#state === "string") return
    try {
      act(this.#state)
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    const { code } = asProblem(error, this.#streams.report)
    this.close(closeCodes[code] ?? streamClose.malformed)
  }

  #pingLater(): void {
    const seconds = PING_SECONDS_MIN + Math.random() * (PING_SECONDS_MAX - PING_SECONDS_MIN)
    this.#timer = setTimeout(Connection.#ping, seconds * 1000, this)
    this.#timer.unref()
  }

  static #refuse(connection: Connection): void {
    connection.close(streamClose.refused)
  }

  static #ping(connection: Connection): void {
    connection.#socket?.ping()
    connection.#pingLater()
  }
}

/** The same memory as Uint8Array: a Buffer's `slice` shares memory where everybody else's copies. */
function plain({ buffer, byteOffset, byteLength }: Buffer): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

/** All streams of a server. */
export class Streams {
  readonly guard: CallGuard
  readonly report: Report
  readonly served: () => void
  readonly watch: WatchSecrets
  readonly turns = new Turns()
  readonly decodeFrame = bodyDecoder(StreamClientFrame)
  readonly secretsIn = secretFinder(StreamClientFrame)
  readonly #openCall
  readonly #openStream: OpenStream
  readonly #connections = new Set<Connection>()

  /** `served` is called after each frame. */
  constructor(
    guard: CallGuard,
    openStream: OpenStream,
    report: Report,
    served: () => void,
    watch: WatchSecrets,
  ) {
    this.guard = guard
    this.report = report
    this.served = served
    this.watch = watch
    this.#openStream = openStream
    const operation = { method: "GET", path: STREAM_PATH, sender: "qs-client", params: StreamOpen } as const
    this.#openCall = callOpener(guard, operation)
  }

  get size(): number {
    return this.#connections.size
  }

  /** Checks a socket's first frame and begins its stream. */
  async open(frame: Uint8Array, sink: StreamSink): Promise<StreamSession> {
    return await this.#openStream(this.#openCall(frame), sink)
  }

  closeAll(code: number): void {
    for (const connection of this.#connections) connection.close(code)
  }

  /** For Bun.serve. */
  handler(): WebSocketHandler<Connection> {
    return {
      maxPayloadLength: STREAM_FRAME_BYTES_MAX,
      backpressureLimit: STREAM_BUFFERED_BYTES_MAX,
      closeOnBackpressureLimit: true,
      idleTimeout: SOCKET_IDLE_SECONDS_MAX,
      sendPings: false,
      perMessageDeflate: false,
      open: (socket) => {
        this.#connections.add(socket.data)
        socket.data.opened(socket)
      },
      message: (socket, data) => socket.data.received(typeof data === "string" ? data : plain(data)),
      drain: (socket) => socket.data.drained(),
      close: (socket) => {
        this.#connections.delete(socket.data)
        socket.data.ended()
      },
    }
  }
}
