import { lookup } from "node:dns/promises"
import { type ConnectionOptions, connect } from "node:tls"
import { wipe } from "../crypto/wipe.ts"
import { OUTGOING_ADDRESSES_MAX, OUTGOING_ANSWER_BYTES_MAX, OUTGOING_SECONDS_MAX } from "../limits.ts"
import { concat, utf8 } from "../wire/bytes.ts"
import { isPublic, type ResolvedAddress } from "./addresses.ts"

/** Where a request goes. The path is bytes, because it may be what gives access, and strings cannot be wiped. */
export interface Target {
  /** A DNS name in lower case. */
  readonly host: string
  readonly port: number
  /** Path and query, visible ASCII. */
  readonly path: Uint8Array
}

export interface OutgoingOptions {
  /** Lets requests go to this machine and its network; for tests and for services within one's own walls. */
  readonly allowPrivate: boolean
  /** Certificates to trust in place of the system's, PEM; for tests. */
  readonly certificates?: string
  readonly resolve?: (host: string) => Promise<readonly ResolvedAddress[]>
  readonly secondsMax?: number
}

/** No answer came. The message says at which step, never where to. */
export class OutgoingFailed extends Error {
  override readonly name = "OutgoingFailed"
}

/**
 * Requests to servers that others name. What it guarantees to the network around this server: it connects only to
 * addresses of the public Internet, over TLS, and to the very address that was checked, so that a name that resolves
 * differently a moment later leads nowhere else; it follows no redirect and reads no more of an answer than its status. To
 * itself: an end in time. To the other side's users: the path is in no string, and overwritten when the request ends.
 */
export class Outgoing {
  readonly #options: OutgoingOptions

  constructor(options: OutgoingOptions) {
    this.#options = options
  }

  /**
   * `POST` without a body. Resolves with the status of the answer.
   *
   * @throws OutgoingFailed
   */
  async post(target: Target, headers: Readonly<Record<string, string>>): Promise<number> {
    const deadline = performance.now() + 1000 * (this.#options.secondsMax ?? OUTGOING_SECONDS_MAX)
    const request = encodeRequest(target, headers)
    try {
      const addresses = await within(deadline, this.#addressesOf(target.host))
      for (const [i, address] of addresses.entries()) {
        try {
          return await exchange(this.#connection(target, address), request, deadline)
        } catch (error) {
          if (i === addresses.length - 1) throw error
        }
      }
      throw new OutgoingFailed("the name has no address")
    } finally {
      wipe(request)
    }
  }

  /** A name that has private addresses beside public ones is not trusted with either. */
  async #addressesOf(host: string): Promise<readonly ResolvedAddress[]> {
    const resolve = this.#options.resolve ?? ((name) => lookup(name, { all: true }))
    let addresses: readonly ResolvedAddress[]
    try {
      addresses = await resolve(host)
    } catch {
      throw new OutgoingFailed("the name does not resolve")
    }
    if (!this.#options.allowPrivate && !addresses.every(isPublic))
      throw new OutgoingFailed("the name resolves to an address that is not public")
    return addresses.slice(0, OUTGOING_ADDRESSES_MAX)
  }

  #connection({ host, port }: Target, { address }: ResolvedAddress): ConnectionOptions {
    const { certificates } = this.#options
    const trust = certificates === undefined ? {} : { ca: [certificates] }
    return { host: address, port, servername: host, ALPNProtocols: ["http/1.1"], ...trust }
  }
}

function encodeRequest({ host, port, path }: Target, headers: Readonly<Record<string, string>>): Uint8Array {
  const authority = port === 443 ? host : `${host}:${port}`
  const fields = { Host: authority, "Content-Length": "0", Connection: "close", ...headers }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return concat(utf8("POST "), path, utf8(` HTTP/1.1\r\n${lines.join("")}\r\n`))
}

async function within<T>(deadline: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    const end = () => reject(new OutgoingFailed("it took too long"))
    timer = setTimeout(end, Math.max(0, deadline - performance.now()))
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

const STATUS_LINE = /^HTTP\/1\.[01] ([2-5][0-9]{2})[ \r]/

/** One connection, one request, and as much of the answer as tells the status. */
function exchange(options: ConnectionOptions, request: Uint8Array, deadline: number): Promise<number> {
  const socket = connect(options, () => socket.write(request))
  const answer = new Promise<number>((resolve, reject) => {
    let head = ""
    socket.on("data", (data) => {
      head += data.toString("latin1")
      const status = STATUS_LINE.exec(head)
      if (status !== null) resolve(Number(status[1]))
      else if (head.includes("\r\n") || head.length > OUTGOING_ANSWER_BYTES_MAX)
        reject(new OutgoingFailed("the answer is not one"))
    })
    socket.on("error", () => reject(new OutgoingFailed("the connection failed")))
    socket.on("close", () => reject(new OutgoingFailed("the connection ended without an answer")))
  })
  return within(deadline, answer).finally(() => socket.destroy())
}
