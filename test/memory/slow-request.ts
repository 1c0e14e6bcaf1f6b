/** A POST whose body is sent in two parts. */
export class SlowRequest {
  readonly #socket: Bun.Socket
  readonly #rest: Uint8Array
  readonly #answer: Promise<string>

  private constructor(socket: Bun.Socket, rest: Uint8Array, answer: Promise<string>) {
    this.#socket = socket
    this.#rest = rest
    this.#answer = answer
  }

  /** Sends everything but the last bytes of the body. */
  static async begin(port: number, path: string, body: Uint8Array, missing: number): Promise<SlowRequest> {
    const { promise, resolve } = Promise.withResolvers<string>()
    let text = ""
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data(_, bytes) {
          text += bytes.toString("latin1")
        },
        close: () => resolve(text),
      },
    })
    const head = `POST ${path} HTTP/1.1\r\nHost: a.b\r\nConnection: close\r\nContent-Type: application/cbor\r\nContent-Length: ${body.length}\r\n\r\n`
    socket.write(head)
    socket.write(body.subarray(0, body.length - missing))
    socket.flush()
    return new SlowRequest(socket, body.subarray(body.length - missing), promise)
  }

  /** Sends the rest; resolves with the whole answer. */
  async finish(): Promise<string> {
    this.#socket.write(this.#rest)
    this.#socket.flush()
    return await this.#answer
  }
}
