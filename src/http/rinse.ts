import { connect } from "node:net"
import { connect as connectSecurely } from "node:tls"
import { RINSE_ANSWER_BYTES, RINSE_BODY_BYTES, RINSE_MILLISECONDS_MAX } from "../limits.ts"
import { toHex } from "../wire/bytes.ts"

/**
 * The buffers through which all requests come in and all answers go out belong to the event loop, one of each, and keep the
 * end of whatever went through until something longer does. A request to oneself with nothing but zeros, and an answer to
 * it, is something longer.
 */

/** A path that only this process knows. */
export function rinsePath(random: Uint8Array): string {
  return `/rinse/${toHex(random)}`
}

/** The answer to such a request. */
export function rinseAnswer(): Response {
  return new Response(new Uint8Array(RINSE_ANSWER_BYTES))
}

/** Where this process listens itself. */
export interface OwnAddress {
  readonly host: string
  readonly port: number
  /** With TLS. */
  readonly secure: boolean
}

/** Sends such a request, and resolves when it is answered, or at the latest after {@link RINSE_MILLISECONDS_MAX}. */
export function rinse({ host, port, secure }: OwnAddress, path: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${RINSE_BODY_BYTES}\r\n\r\n`
  const begin = () => {
    socket.write(head)
    socket.write(new Uint8Array(RINSE_BODY_BYTES))
  }
  // What is sent is zeros: it does not matter who gets them.
  const socket = secure
    ? connectSecurely({ port, host, rejectUnauthorized: false }, begin)
    : connect(port, host, begin)
  const timer = setTimeout(() => socket.destroy(), RINSE_MILLISECONDS_MAX)
  socket.on("data", () => undefined)
  socket.on("error", () => undefined)
  socket.on("close", () => {
    clearTimeout(timer)
    resolve()
  })
  return promise
}
