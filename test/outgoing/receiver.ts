import { createServer, type Server } from "node:https"
import type { AddressInfo } from "node:net"
import { testCertificate, testCertificateKey } from "./certificate.ts"

/** A request as it arrived. */
export interface Received {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Uint8Array
}

/** An HTTPS server of Node's, in the test's own process, that remembers what it gets. */
export class Receiver {
  readonly received: Received[] = []
  /** What it answers; may take its time, and undefined is no answer. */
  answer: (request: Received) => Promise<number | undefined> | number | undefined = () => 201
  /** Requests that are waiting for their answer now, and the most that ever were. */
  open = 0
  mostOpen = 0
  readonly #server: Server

  private constructor() {
    this.#server = createServer({ cert: testCertificate, key: testCertificateKey }, (request, response) => {
      const parts: Uint8Array[] = []
      request.on("data", (part) => parts.push(part))
      request.on("end", async () => {
        const { method = "", url: path = "", headers } = request
        const received = { method, path, headers, body: new Uint8Array(Buffer.concat(parts)) }
        this.received.push(received)
        this.mostOpen = Math.max(this.mostOpen, ++this.open)
        const status = await this.answer(received)
        this.open--
        if (status === undefined) return
        response.writeHead(status, status === 301 ? { location: this.url("/elsewhere") } : {})
        response.end()
      })
    })
  }

  static async start(): Promise<Receiver> {
    const receiver = new Receiver()
    await new Promise<void>((resolve) => receiver.#server.listen(0, "127.0.0.1", resolve))
    return receiver
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  url(path: string): string {
    return `https://localhost:${this.port}${path}`
  }

  /** Resolves when so many requests have come in all. */
  async until(count: number): Promise<void> {
    while (this.received.length < count) await Bun.sleep(2)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
