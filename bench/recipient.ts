import { decodeBody, encodeBody } from "../src/wire/cbor.ts"
import { STREAM_PATH } from "../src/wire/queue.ts"
import type { Cursor, Reader } from "./load/commands.ts"
import { signedBody } from "./signed-body.ts"

/** Frames with an entry are longer than all others but the first. */
const ENTRY_FRAME_BYTES_MIN = 512

interface EntryFrame {
  readonly chain: Uint8Array
  readonly index: number
}

/**
 * The reading end of a stream that opens nothing: it counts entries as they come and looks into a frame only to
 * acknowledge it, so that what is measured is the server.
 */
export class Recipient {
  readonly #socket: WebSocket
  readonly #chains: readonly Cursor[]
  readonly #onEntry: () => void
  #opened = false
  #last: Uint8Array | undefined

  private constructor(socket: WebSocket, chains: readonly Cursor[], onEntry: () => void) {
    this.#socket = socket
    this.#chains = chains
    this.#onEntry = onEntry
  }

  /** Resolves when the server has said that the queue is empty, or that there is no more in it. */
  static async open(
    port: number,
    { id, seed, chains = [] }: Reader,
    onEntry: () => void,
  ): Promise<Recipient> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${STREAM_PATH}`)
    socket.binaryType = "arraybuffer"
    const recipient = new Recipient(socket, chains, onEntry)
    await new Promise<void>((resolve, reject) => {
      socket.onclose = ({ code }) => reject(new Error(`the stream was closed with ${code}`))
      socket.onmessage = ({ data }) => recipient.#receive(new Uint8Array(data as ArrayBuffer), resolve)
      socket.onopen = () => {
        const signer = { sender: { kind: "qs-client", id }, seed } as const
        socket.send(signedBody("GET", STREAM_PATH, signer, {}) as Uint8Array<ArrayBuffer>)
      }
    })
    return recipient
  }

  /** Acknowledges everything that has come. */
  acknowledge(): void {
    if (this.#last === undefined) return
    const { chain, index } = decodeBody(this.#last) as EntryFrame
    this.#last = undefined
    this.#send({ type: "acknowledge", chain, through: index })
  }

  close(): void {
    this.#socket.onclose = null
    this.#socket.close()
  }

  #receive(frame: Uint8Array, onEmpty: () => void): void {
    if (this.#opened && frame.length >= ENTRY_FRAME_BYTES_MIN) {
      this.#last = frame
      this.#onEntry()
      return
    }
    const { type } = decodeBody(frame) as { type: string }
    if (type === "starts") this.#send({ type: "read", chains: this.#chains })
    if (type === "entry") {
      this.#last = frame
      this.#onEntry()
    }
    if (type === "empty") {
      this.#opened = true
      onEmpty()
    }
  }

  #send(value: unknown): void {
    this.#socket.send(encodeBody(value) as Uint8Array<ArrayBuffer>)
  }
}
