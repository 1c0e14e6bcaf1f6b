import type { Static } from "@sinclair/typebox"
import { Value } from "@sinclair/typebox/value"
import type { CryptoProvider } from "../crypto/provider.ts"
import { fromHex, toHex } from "../wire/bytes.ts"
import { decodeBody, encodeBody, encodeCbor } from "../wire/cbor.ts"
import { STREAM_PATH, type StreamClientFrame, StreamServerFrame, streamClose } from "../wire/queue.ts"
import { ClientError } from "./errors.ts"
import { backoffMilliseconds, pause } from "./pace.ts"
import { type ChainPosition, QueueReader } from "./queue-reader.ts"
import type { ClientStore, StoreChange } from "./store.ts"
import type { Signer, Transport } from "./transport.ts"

type ClientFrame = Static<typeof StreamClientFrame>
type ServerFrame = Static<typeof StreamServerFrame>

export interface QueueStreamOptions {
  readonly url: string
  readonly crypto: CryptoProvider
  readonly transport: Transport
  readonly signer: Signer
  readonly queueSecretKey: Uint8Array
  readonly store: ClientStore
  /** Where the reader's state lies in the store. */
  readonly stateKey: string
  readonly signal: AbortSignal
  /**
   * Processes one message. It must write `progress`, in one transaction with whatever the message changes: that is
   * what makes the message count as received. Not called again until it resolved.
   */
  readonly deliver: (message: Uint8Array, progress: StoreChange) => Promise<void>
  /** Tells whether messages arrive as they are sent: after the backlog, until the connection ends. */
  readonly onLive?: (live: boolean) => void
  /** Another connection of the same client took over; this one does not come back by itself. */
  readonly onReplaced?: () => void
  readonly webSocket: (url: URL) => WebSocket
}

/**
 * Reads the queue over a WebSocket for as long as the client is open: resumes where the store says, processes in order,
 * writes before it acknowledges, and connects again by itself with growing, random delays. It asks for nothing at
 * intervals; the server sends when there is something.
 */
export class QueueStream {
  readonly #options: QueueStreamOptions
  #failures = 0

  constructor(options: QueueStreamOptions) {
    this.#options = options
  }

  /** Runs until the signal is aborted or another connection took over; never rejects. */
  async run(): Promise<void> {
    const { signal, onLive, onReplaced, transport, signer } = this.#options
    while (!signal.aborted) {
      const code = await this.#connect().catch(() => undefined)
      onLive?.(false)
      if (signal.aborted) return
      if (code === streamClose.replaced) {
        onReplaced?.()
        return
      }
      if (code === streamClose.stale) transport.forgetTime(signer)
      this.#failures += 1
      try {
        await pause(backoffMilliseconds(this.#failures), signal)
      } catch (error) {
        if (!(error instanceof ClientError)) throw error
      }
    }
  }

  /** One connection; resolves with its close code, or with `undefined` when it ended here. */
  async #connect(): Promise<number | undefined> {
    const { crypto, queueSecretKey, store, stateKey, signal, url, transport, signer } = this.#options
    const target = new URL(STREAM_PATH, url)
    target.protocol = target.protocol === "http:" ? "ws:" : "wss:"
    await transport.learnTime(signer)
    const state = await store.get(stateKey)
    if (signal.aborted) return undefined
    const reader = new QueueReader(crypto, queueSecretKey, state)
    return await new Promise<number | undefined>((resolve) => {
      const socket = this.#options.webSocket(target)
      socket.binaryType = "arraybuffer"
      const connection = new Connection(
        this.#options,
        reader,
        (frame) => socket.send(frame as Uint8Array<ArrayBuffer>),
        () => {
          this.#failures = 0
        },
      )
      const end = (code: number | undefined): void => {
        signal.removeEventListener("abort", abort)
        connection.finish().then(
          () => resolve(code),
          () => resolve(code),
        )
      }
      const abort = (): void => {
        socket.close()
        end(undefined)
      }
      signal.addEventListener("abort", abort, { once: true })
      socket.onopen = () => {
        socket.send(transport.sign("GET", STREAM_PATH, encodeCbor({}), signer) as Uint8Array<ArrayBuffer>)
      }
      socket.onmessage = ({ data }) => {
        connection.receive(data).catch(() => socket.close())
      }
      socket.onclose = ({ code }) => end(code)
    })
  }
}

/** What happens on one socket. */
class Connection {
  readonly #options: QueueStreamOptions
  readonly #reader: QueueReader
  readonly #send: (frame: Uint8Array) => void
  readonly #onOpened: () => void
  /** Frames that came and were not processed yet; the server's window bounds them. */
  readonly #inbox: ServerFrame[] = []
  #working: Promise<void> | undefined
  #failed = false
  /** Per chain, in hexadecimal, the last index that was taken and not acknowledged. */
  readonly #taken = new Map<string, number>()
  #unsaved = false
  readonly #usedUp = new Set<string>()
  readonly #reported = new Set<string>()

  constructor(
    options: QueueStreamOptions,
    reader: QueueReader,
    send: (frame: Uint8Array) => void,
    onOpened: () => void,
  ) {
    this.#options = options
    this.#reader = reader
    this.#send = send
    this.#onOpened = onOpened
  }

  /** Rejects when the connection has to be closed. */
  async receive(data: unknown): Promise<void> {
    if (this.#failed) return
    try {
      this.#inbox.push(decodeFrame(data))
      this.#working ??= this.#work()
      await this.#working
    } catch (error) {
      this.#failed = true
      throw error
    }
  }

  /** Waits until what is being processed is stored, then forgets the keys. */
  async finish(): Promise<void> {
    try {
      await this.#working
    } finally {
      this.#failed = true
      this.#reader.wipe()
    }
  }

  async #work(): Promise<void> {
    try {
      while (this.#inbox.length > 0) {
        const batch = this.#inbox.splice(0)
        for (const frame of batch) await this.#take(frame)
        await this.#settle()
      }
    } finally {
      this.#working = undefined
    }
  }

  async #take(frame: ServerFrame): Promise<void> {
    if (frame.type === "starts") {
      this.#onOpened()
      this.#reader.takeStarts(frame.starts)
      const chains = this.#reader.positions()
      this.#transmit({ type: "read", chains })
      this.#acknowledgeAgain(chains)
    } else if (frame.type === "start") this.#reader.takeStart(frame.start)
    else if (frame.type === "entry") await this.#entry(frame.chain, frame.index, frame.entry)
    else {
      const { newest } = this.#reader
      if (newest !== undefined) this.#markUsedUp(newest)
      this.#options.onLive?.(true)
    }
  }

  async #entry(chain: Uint8Array, index: number, entry: Uint8Array): Promise<void> {
    const message = this.#reader.push(chain, index, entry)
    this.#taken.set(toHex(chain), index)
    this.#markUsedUp(chain)
    this.#unsaved = true
    if (message === undefined) return
    await this.#options.deliver(message, this.#progress())
    message.fill(0)
    this.#unsaved = false
  }

  /** The last acknowledgements may not have reached the disk, and nobody else would ever delete those entries. */
  #acknowledgeAgain(chains: readonly ChainPosition[]): void {
    for (const { chain, next } of chains) if (next > 0) this.#taken.set(toHex(chain), next - 1)
  }

  /** Everything before `chain` was read to its end. */
  #markUsedUp(chain: Uint8Array): void {
    for (const older of this.#reader.before(chain).map(toHex)) {
      if (!this.#reported.has(older)) this.#usedUp.add(older)
    }
  }

  #progress(): StoreChange {
    return { key: this.#options.stateKey, value: this.#reader.serialize() }
  }

  /** Stores the position if no message did, then acknowledges. */
  async #settle(): Promise<void> {
    if (this.#unsaved) {
      await this.#options.store.transaction([this.#progress()])
      this.#unsaved = false
    }
    for (const [chain, through] of this.#taken) {
      this.#transmit({ type: "acknowledge", chain: fromHex(chain), through })
    }
    this.#taken.clear()
    for (const chain of this.#usedUp) {
      this.#transmit({ type: "used-up", chain: fromHex(chain) })
      this.#reported.add(chain)
    }
    this.#usedUp.clear()
  }

  #transmit(frame: ClientFrame): void {
    if (!this.#failed) this.#send(encodeBody(frame))
  }
}

function decodeFrame(data: unknown): ServerFrame {
  if (!(data instanceof ArrayBuffer)) throw new ClientError("client.unexpected-response")
  const frame = decodeBody(new Uint8Array(data))
  if (!Value.Check(StreamServerFrame, frame)) throw new ClientError("client.unexpected-response")
  return frame
}
