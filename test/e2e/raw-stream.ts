import type { Static } from "@sinclair/typebox"
import { Value } from "@sinclair/typebox/value"
import { QueueReader } from "../../src/client/queue-reader.ts"
import { at, load } from "../../src/client/record-store.ts"
import { Account } from "../../src/client/records.ts"
import type { ClientStore } from "../../src/client/store.ts"
import { Transport } from "../../src/client/transport.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { decodeBody, encodeBody, encodeCbor } from "../../src/wire/cbor.ts"
import { STREAM_PATH, type StreamClientFrame, StreamServerFrame } from "../../src/wire/queue.ts"

type ServerFrame = Static<typeof StreamServerFrame>
type ClientFrame = Static<typeof StreamClientFrame>

/**
 * A stream as somebody opens it who is a client of the QS but does not behave like the library. It acknowledges
 * nothing by itself and keeps no frames, only what came last in each chain.
 */
export class RawStream {
  entries = 0
  closeCode: number | undefined
  /** Of the chain that entries came from last. */
  chain: Uint8Array | undefined
  readonly #socket: WebSocket
  readonly #waiting = new Set<() => void>()

  private constructor(socket: WebSocket) {
    this.#socket = socket
  }

  /** With the keys in the store of a client that is not running itself. */
  static async open(url: string, store: ClientStore, webSocket: (url: URL) => WebSocket): Promise<RawStream> {
    const account = await load(store, Account, at.account)
    if (account === undefined || account.qs === null) throw new Error("not registered")
    const reader = new QueueReader(nativeCrypto, account.queueKey, await store.get(at.queue))
    const socket = webSocket(new URL(STREAM_PATH, url.replace("http:", "ws:")))
    socket.binaryType = "arraybuffer"
    const stream = new RawStream(socket)
    const signer = {
      sender: { kind: "qs-client", id: account.qs.client },
      seed: account.qsClientSeed,
    } as const
    socket.onopen = () => socket.send(openingFrame(url, signer))
    socket.onclose = ({ code }) => {
      stream.closeCode = code
      stream.#wake()
    }
    socket.onmessage = ({ data }) => {
      const frame = decodeBody(new Uint8Array(data as ArrayBuffer))
      if (!Value.Check(StreamServerFrame, frame)) throw new Error("not a frame")
      stream.#take(frame, reader)
    }
    return stream
  }

  send(frame: ClientFrame): void {
    this.#socket.send(encodeBody(frame) as Uint8Array<ArrayBuffer>)
  }

  async until(holds: (stream: RawStream) => boolean): Promise<void> {
    while (!holds(this)) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake)
          resolve()
        }
        this.#waiting.add(wake)
      })
    }
  }

  close(): void {
    this.#socket.close()
  }

  #take(frame: ServerFrame, reader: QueueReader): void {
    if (frame.type === "starts") {
      reader.takeStarts(frame.starts)
      this.send({ type: "read", chains: reader.positions() })
    }
    if (frame.type === "entry") {
      this.entries += 1
      this.chain = frame.chain
    }
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
  }
}

function openingFrame(url: string, signer: Parameters<Transport["sign"]>[3]): Uint8Array<ArrayBuffer> {
  const transport = new Transport({
    url,
    crypto: nativeCrypto,
    signal: new AbortController().signal,
    patienceMilliseconds: 0,
    fetch: (address, request) => fetch(address, request),
  })
  return transport.sign("GET", STREAM_PATH, encodeCbor({}), signer) as Uint8Array<ArrayBuffer>
}
