import { rmSync } from "node:fs"
import type { IssuerKey } from "../src/privacypass/keys.ts"
import { ds } from "../src/wire/ds.ts"
import { sendBody } from "./fan-out.ts"
import { median, type Options, type Result, summarized, timeSteps } from "./harness.ts"
import { Homeserver, temporaryDirectory } from "./homeserver.ts"
import { issuerKey, makeToken } from "./issuer.ts"
import { type Group, makeClients, makeGroup } from "./population.ts"
import { type RateLimit, type ServerProcess, startServerProcess } from "./server-process.ts"

/**
 * What a token costs a message: sends to the one other member of a group, from the HTTP request to the durable answer, by
 * a server process that wants a token for each and by one that wants none. Both run over the same data, in turns.
 */

const IN_FLIGHT = 16

/** What one server process did. */
export interface Run {
  /** Microseconds of one send while nothing else happens. */
  readonly alone: number
  /** Microseconds per send, and processor time of the server for each, with {@link IN_FLIGHT} under way. */
  readonly together: number
  readonly cpu: number
}

interface Send {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array<ArrayBuffer>
}

export async function benchTokens(options: Options): Promise<readonly Result[]> {
  const directory = temporaryDirectory()
  try {
    const group = await prepareGroup(directory)
    const key = await issuerKey(directory)
    const without: Run[] = []
    const withTokens: Run[] = []
    for (let run = 0; run < options.runs; run++) {
      const start = (rateLimit: RateLimit) => startServerProcess(directory, rateLimit)
      without.push(await measureSends(await start("off"), () => unpaid(group), options))
      withTokens.push(await measureSends(await start("on"), () => paid(group, key), options))
    }
    return [...results("without tokens", without), ...results("with tokens", withTokens, without)]
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Makes the data of a server with a group of two. */
export async function prepareGroup(directory: string): Promise<Group> {
  const server = await Homeserver.prepare(directory)
  try {
    return await makeGroup(server, await makeClients(server, 2))
  } finally {
    await server.close()
  }
}

export function unpaid(group: Group): Send {
  const headers = { "content-type": "application/cbor" }
  return { headers, body: sendBody(group) as Uint8Array<ArrayBuffer> }
}

function paid(group: Group, key: IssuerKey): Send {
  const send = unpaid(group)
  return { ...send, headers: { ...send.headers, authorization: makeToken(key) } }
}

/** Sends messages to a server, which is stopped afterwards. */
export async function measureSends(
  server: ServerProcess,
  make: () => Send,
  { short }: Options,
): Promise<Run> {
  const many = (count: number) => Array.from({ length: count }, make)
  const post = async ({ headers, body }: Send): Promise<void> => {
    const answer = await fetch(server.url + ds.sendMessage.path, { method: "POST", headers, body })
    if (!answer.ok) throw new Error(`the server refused the message (${answer.status})`)
    await answer.arrayBuffer()
  }
  try {
    // The server refuses signatures of the second it was started in; and the first redemptions take longer.
    await Bun.sleep(1100)
    await inFlight(many(short ? 200 : 400), post)
    const singles = many(short ? 50 : 300)
    const alone = median(await timeSteps(singles.length, () => post(singles.pop() as Send)))
    const sends = many(short ? 400 : 2000)
    const count = sends.length
    const before = server.cpuTime()
    const [elapsed] = await timeSteps(1, () => inFlight(sends, post))
    return { alone, together: (elapsed as number) / count, cpu: (server.cpuTime() - before) / count }
  } finally {
    await server.stop()
  }
}

async function inFlight(sends: Send[], post: (send: Send) => Promise<void>): Promise<void> {
  const sender = async (): Promise<void> => {
    for (let send = sends.pop(); send !== undefined; send = sends.pop()) await post(send)
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, sender))
}

/** With the other runs to be compared to, ratios are to those. */
export function results(name: string, runs: readonly Run[], others?: readonly Run[]): Result[] {
  const figures = (key: keyof Run, of: readonly Run[] = runs) => of.map((run) => run[key])
  const compared = (key: keyof Run) => (others === undefined ? {} : { model: median(figures(key, others)) })
  const sends_per_second = 1e6 / median(figures("together"))
  return [
    summarized(`alone, ${name}`, 2, figures("alone"), compared("alone")),
    summarized(`${IN_FLIGHT} at once, each, ${name}`, 2, figures("together"), {
      ...compared("together"),
      more: { sends_per_second },
    }),
    summarized(`server CPU of each, ${name}`, 2, figures("cpu"), compared("cpu")),
  ]
}
