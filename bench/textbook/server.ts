import type { ServerWebSocket } from "bun"
import { open } from "../../src/crypto/hpke.ts"
import { labels } from "../../src/crypto/labels.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { fromHex, toHex } from "../../src/wire/bytes.ts"
import { decodeBody, decodeCbor, encodeBody } from "../../src/wire/cbor.ts"
import { externalAad, parseRequest } from "../../src/wire/cose.ts"
import { ds } from "../../src/wire/ds.ts"
import { STREAM_PATH } from "../../src/wire/queue.ts"
import { decodeSenderId } from "../../src/wire/sender.ts"
import type { Roles } from "./roles.ts"
import { Rows } from "./rows.ts"

/**
 * The textbook delivery service that docs/performance.md compares to: one process of Bun, PostgreSQL behind it. A message
 * is checked by its signature; for each recipient an HPKE ciphertext is opened that names the queue, a row is inserted in
 * a transaction of its own, and the reader is woken. Everything that makes it slower than it has to be is left out: groups
 * and keys are in memory, nothing is decoded that is not needed, no token is asked for.
 *
 * It speaks enough of Cinder's wire for the same load generator: signed bodies, and frames of the same form.
 */

const SEND_AAD = externalAad("POST", ds.sendMessage.path)
const STREAM_AAD = externalAad("GET", STREAM_PATH)
const NONE = new Uint8Array(0)

interface Reader {
  queue: string | undefined
}

interface Acknowledgement {
  readonly type: string
  readonly chain: Uint8Array
  readonly through: number
}

class TextbookServer {
  readonly #roles: Roles
  readonly #configKey: Uint8Array
  readonly #groups
  readonly #authKeys
  readonly #rows: Rows
  readonly #readers = new Map<string, ServerWebSocket<Reader>>()

  constructor(roles: Roles, rows: Rows) {
    this.#roles = roles
    this.#rows = rows
    this.#configKey = fromHex(roles.configKey)
    this.#groups = new Map(roles.groups.map((group) => [group.groupId, withBytes(group)]))
    this.#authKeys = new Map(roles.clients.map(({ id, authKey }) => [id, fromHex(authKey)]))
  }

  /** Answers when all rows are durable. */
  async send(body: Uint8Array): Promise<Response> {
    const signed = parseRequest(body.subarray(1))
    const { groupId, message } = decodeCbor(signed.payload) as { groupId: Uint8Array; message: Uint8Array }
    const group = this.#groups.get(toHex(groupId))
    if (group === undefined || !signed.verify(crypto, group.signatureKey, SEND_AAD))
      return new Response(null, { status: 403 })
    await Promise.all(group.configs.map((config) => this.#deliver(config, message)))
    return new Response(null)
  }

  async #deliver(config: Uint8Array, message: Uint8Array): Promise<void> {
    const queue = toHex(open(crypto, this.#configKey, labels.queueConfig, NONE, config))
    if (this.#roles.wakeup === "notify") {
      await this.#rows.insertAndNotify(queue, message)
      return
    }
    this.#push(queue, await this.#rows.insert(queue, message), message)
  }

  /** A notification tells which queue has something new; the row is read back. */
  async notified(payload: string): Promise<void> {
    const [queue = "", id = "0"] = payload.split(":")
    if (!this.#readers.has(queue)) return
    const message = await this.#rows.read(queue, id)
    if (message !== undefined) this.#push(queue, Number(id), message)
  }

  #push(queue: string, index: number, entry: Uint8Array): void {
    this.#readers.get(queue)?.sendBinary(encodeBody({ type: "entry", chain: fromHex(queue), index, entry }))
  }

  /** The first frame says who reads; later ones acknowledge. */
  received(socket: ServerWebSocket<Reader>, frame: Uint8Array): void {
    if (socket.data.queue === undefined) {
      this.#openStream(socket, frame)
      return
    }
    const { type, chain, through } = decodeBody(frame) as Acknowledgement
    if (type === "acknowledge") this.#rows.remove(toHex(chain), through)
  }

  #openStream(socket: ServerWebSocket<Reader>, frame: Uint8Array): void {
    const signed = parseRequest(frame.subarray(1))
    const sender = decodeSenderId(signed.kid)
    const id = sender.kind === "leaf" ? "" : toHex(sender.id)
    const authKey = this.#authKeys.get(id)
    if (authKey === undefined || !signed.verify(crypto, authKey, STREAM_AAD)) {
      socket.close()
      return
    }
    socket.data.queue = id
    this.#readers.set(id, socket)
    socket.sendBinary(encodeBody({ type: "empty" }))
  }
}

function withBytes({ signatureKey, configs }: Roles["groups"][number]) {
  return { signatureKey: fromHex(signatureKey), configs: configs.map(fromHex) }
}

const roles = (await Bun.file(process.argv[2] ?? "").json()) as Roles
const rows = await Rows.open(roles.socketDirectory, roles.connections)
const textbook = new TextbookServer(roles, rows)
if (roles.wakeup === "notify") await rows.listen((payload) => void textbook.notified(payload))
const server = Bun.serve<Reader>({
  hostname: "127.0.0.1",
  port: 0,
  async fetch(request, self) {
    if (self.upgrade(request, { data: { queue: undefined } })) return undefined
    return await textbook.send(await request.bytes())
  },
  websocket: {
    message: (socket, frame) => textbook.received(socket, frame as Buffer),
    perMessageDeflate: false,
  },
})
console.log(`listening on http://127.0.0.1:${server.port}`)
