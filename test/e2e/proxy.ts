import { connect, createServer, type Server, type Socket } from "node:net"

/** What one TCP connection through the proxy carried from the client, and how to disturb it. */
export interface Passage {
  /** Bytes from the client to the server. */
  readonly sent: Uint8Array[]
  /** Bytes from the server to the client, if the proxy keeps them. */
  readonly received: Uint8Array[]
  /** The client stops reading: nothing of what the server sends is taken off its socket any more. */
  stall(): void
}

export interface ProxyOptions {
  readonly keepAnswers?: boolean
  /** 0, the default, picks a free one. */
  readonly port?: number
  /** Called for every connection: after how many bytes it is cut, and in which direction they are counted. */
  readonly cut?: () => { readonly direction: "up" | "down"; readonly bytes: number }
}

/** A loopback TCP proxy in front of a server. */
export class LoopbackProxy {
  readonly passages: Passage[] = []
  cuts = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #port = 0

  private constructor(target: () => number, { cut, keepAnswers = false }: ProxyOptions) {
    this.#server = createServer((client) => {
      const server = connect(target(), "127.0.0.1")
      const sent: Uint8Array[] = []
      const received: Uint8Array[] = []
      this.passages.push({ sent, received, stall: () => server.pause() })
      const plan = cut?.()
      const end = (): void => {
        client.destroy()
        server.destroy()
      }
      const pass = (direction: "up" | "down", from: Socket, to: Socket): void => {
        let left = plan?.direction === direction ? plan.bytes : Number.POSITIVE_INFINITY
        from.on("data", (chunk: Uint8Array) => {
          if (direction === "up") sent.push(Uint8Array.from(chunk))
          else if (keepAnswers) received.push(Uint8Array.from(chunk))
          if (chunk.length <= left) {
            left -= chunk.length
            to.write(chunk)
            return
          }
          this.cuts += left === Number.NEGATIVE_INFINITY ? 0 : 1
          to.write(chunk.subarray(0, left), end)
          left = Number.NEGATIVE_INFINITY
        })
        from.on("end", end)
        from.on("error", end)
        from.on("close", () => {
          end()
          this.#sockets.delete(from)
        })
        this.#sockets.add(from)
      }
      pass("up", client, server)
      pass("down", server, client)
    })
  }

  /** `target` is asked for the server's port at every connection. */
  static async start(target: () => number, options: ProxyOptions = {}): Promise<LoopbackProxy> {
    const proxy = new LoopbackProxy(target, options)
    await new Promise<void>((resolve) => proxy.#server.listen(options.port ?? 0, "127.0.0.1", resolve))
    const address = proxy.#server.address()
    if (address === null || typeof address === "string") throw new Error("not listening")
    proxy.#port = address.port
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** For clients whose stream is to go this way. */
  readonly webSocket = (url: URL): WebSocket => {
    const through = new URL(url)
    through.port = `${this.#port}`
    return new WebSocket(through)
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }
}
