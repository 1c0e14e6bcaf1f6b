import { rmSync } from "node:fs"
import { ds } from "../src/wire/ds.ts"
import { AT_ONCE, QUEUE_COUNTS, sendBody } from "./fan-out.ts"
import { median, type Options, type Result, summarized, timeSteps } from "./harness.ts"
import { Homeserver, temporaryDirectory } from "./homeserver.ts"
import { MESSAGE_BYTES } from "./hot-path-cases.ts"
import { deliveryModel, entriesFor, type Model } from "./model.ts"
import { type Client, type Group, makeClients, makeGroup } from "./population.ts"
import { Recipient } from "./recipient.ts"
import { type ServerProcess, startServerProcess } from "./server-process.ts"

const HEADERS = { "content-type": "application/cbor" }

/**
 * One message to 1, 10, 100 and 1 000 open streams, from the HTTP request until the last recipient has its frame, with
 * the server as a process of its own; and how much processor time a delivery costs there, acknowledgement and deletion
 * included, when several messages are under way together. The server wants no tokens.
 */
export async function benchStreams(options: Options, model: Model): Promise<readonly Result[]> {
  const results: Result[] = []
  for (const queues of QUEUE_COUNTS) {
    const directory = temporaryDirectory()
    try {
      results.push(...(await benchQueues(directory, queues, options, model)))
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  }
  return results
}

async function benchQueues(
  directory: string,
  queues: number,
  { runs, short }: Options,
  model: Model,
): Promise<Result[]> {
  const { clients, group } = await prepare(directory, queues)
  const server = await startServerProcess(directory, "off")
  const audience = new Audience(server, group)
  try {
    await audience.open(clients.slice(1))
    await audience.round(1)
    const rounds = queues >= 1000 ? (short ? 2 : 6) : short ? 6 : 30
    const latencies: number[] = []
    const throughputs: number[] = []
    const cpu: number[] = []
    for (let run = 0; run < runs; run++) {
      latencies.push(median(await timeSteps(rounds, () => audience.round(1))))
      const before = server.cpuTime()
      const messages = (rounds * AT_ONCE) / 2
      const [elapsed] = await timeSteps(1, async () => {
        for (let i = 0; i < rounds / 2; i++) await audience.round(AT_ONCE)
      })
      throughputs.push((elapsed as number) / messages)
      cpu.push((server.cpuTime() - before) / (messages * queues))
    }
    const alone =
      model.ear(4096).open + model.verify + deliveryModel(model, queues, entriesFor(MESSAGE_BYTES))
    return [
      summarized("one at a time, to the last frame", queues, latencies, { model: alone }),
      summarized(`${AT_ONCE} at once, each, acknowledged`, queues, throughputs, {
        more: {
          deliveries_per_second: (queues * 1e6) / median(throughputs),
          server_cpu_µs_per_delivery: median(cpu),
          model_µs_per_delivery: alone / queues,
        },
      }),
    ]
  } finally {
    audience.close()
    await server.stop()
  }
}

async function prepare(directory: string, queues: number): Promise<{ clients: Client[]; group: Group }> {
  const server = await Homeserver.prepare(directory)
  try {
    const clients = await makeClients(server, queues + 1)
    return { clients, group: await makeGroup(server, clients) }
  } finally {
    await server.close()
  }
}

/** All recipients of a group, and its sender. */
class Audience {
  readonly #server: ServerProcess
  readonly #group: Group
  #recipients: readonly Recipient[] = []
  #missing = 0
  #complete: () => void = () => undefined

  constructor(server: ServerProcess, group: Group) {
    this.#server = server
    this.#group = group
  }

  async open(clients: readonly Client[]): Promise<void> {
    // The server refuses signatures of the second it was started in.
    await Bun.sleep(1100)
    const opened: Recipient[] = []
    for (let at = 0; at < clients.length; at += 50) {
      const batch = clients.slice(at, at + 50)
      opened.push(
        ...(await Promise.all(
          batch.map((client) => Recipient.open(this.#server.port, client, () => this.#received())),
        )),
      )
    }
    this.#recipients = opened
  }

  /** Sends messages and waits until all answers and all frames are there; acknowledges. */
  async round(messages: number): Promise<void> {
    const complete = new Promise<void>((resolve) => {
      this.#complete = resolve
    })
    this.#missing = messages * this.#recipients.length
    await Promise.all([complete, ...Array.from({ length: messages }, () => this.#post())])
    for (const recipient of this.#recipients) recipient.acknowledge()
  }

  close(): void {
    for (const recipient of this.#recipients) recipient.close()
  }

  #received(): void {
    this.#missing--
    if (this.#missing === 0) this.#complete()
  }

  async #post(): Promise<void> {
    const body = sendBody(this.#group) as Uint8Array<ArrayBuffer>
    const answer = await fetch(this.#server.url + ds.sendMessage.path, {
      method: "POST",
      headers: HEADERS,
      body,
    })
    if (!answer.ok) throw new Error(`the server refused the message (${answer.status})`)
    await answer.arrayBuffer()
  }
}
