/** Streams that can be kept from coming about: what is sent meanwhile waits in the queue. */
export class Ears {
  #closed = false
  readonly #sockets = new Set<WebSocket>()

  readonly webSocket = (url: URL): WebSocket => {
    const socket = new WebSocket(this.#closed ? "ws://127.0.0.1:1" : url)
    this.#sockets.add(socket)
    return socket
  }

  close(): void {
    this.#closed = true
    for (const socket of this.#sockets) socket.close()
  }

  open(): void {
    this.#closed = false
  }
}
