import type { Static } from "@sinclair/typebox"
import type { QueueEngine } from "../../src/queue/engine.ts"
import type { QueueStream } from "../../src/queue/stream.ts"
import { decodeBody, encodeBody } from "../../src/wire/cbor.ts"
import type { StreamClientFrame, StreamServerFrame } from "../../src/wire/queue.ts"

/** A WebSocket's client end whose server is a queue engine in the same process; frames are really encoded. */
export class EngineSocket {
  binaryType = "arraybuffer"
  onopen: (() => void) | null = null
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  readonly #engine: QueueEngine
  readonly #queue: Uint8Array
  #stream: QueueStream | undefined
  #closed = false

  constructor(engine: QueueEngine, queue: Uint8Array) {
    this.#engine = engine
    this.#queue = queue
    queueMicrotask(() => this.onopen?.())
  }

  /** The first frame opens the stream, whatever it holds. */
  send(data: Uint8Array): void {
    if (this.#closed) return
    if (this.#stream === undefined) {
      const sink = {
        send: (frame: Static<typeof StreamServerFrame>) => this.#receive(frame),
        close: (code: number) => this.#end(code),
      }
      this.#stream = this.#engine.openStream(this.#queue, sink)
    } else this.#stream.onFrame(decodeBody(data.slice()) as Static<typeof StreamClientFrame>)
  }

  close(): void {
    this.#end(1000)
  }

  #receive(frame: Static<typeof StreamServerFrame>): boolean {
    const data = encodeBody(frame).slice().buffer as ArrayBuffer
    setImmediate(() => {
      if (!this.#closed) this.onmessage?.({ data })
    })
    return true
  }

  #end(code: number): void {
    if (this.#closed) return
    this.#closed = true
    this.#stream?.onClosed()
    queueMicrotask(() => this.onclose?.({ code }))
  }
}
