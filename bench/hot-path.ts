import { readGroup, readTree } from "../src/ds/store.ts"
import { median, type Options, type Result, summarized, timeSteps } from "./harness.ts"
import { Homeserver } from "./homeserver.ts"
import { type Case, cases, handshake, pathCommit, type RecordSizes, type Subject } from "./hot-path-cases.ts"
import type { Model } from "./model.ts"
import { type Client, type Group, makeClients, makeGroup, memberOf, updateClientData } from "./population.ts"
import { operationBody } from "./signed-body.ts"

/**
 * Send, path commit, and somebody who is added, joins and is removed, in groups of 10 to 5 000: from the body of the request
 * to the moment when the answer would be sent, everything durable. One request at a time; scrubbing of the log falls where
 * the server lets it fall.
 */

export const GROUP_SIZES = [10, 100, 1000]
const LARGEST_SIZE = 5000

/** A newcomer leaves blank parents behind, which its neighbour's next path fills again. */
export async function repair(server: Homeserver, group: Group): Promise<void> {
  const neighbour = group.author.tree.members().at(-1) as number
  const committed = group.author.commit(neighbour, [], updateClientData)
  const body = operationBody("updateClient", memberOf(group, neighbour), handshake(group, committed))
  await server.call("updateClient", body)
  committed.accept()
}

export async function benchHotPath(options: Options, model: Model): Promise<readonly Result[]> {
  const results: Result[] = []
  const sizes = options.short ? GROUP_SIZES : [...GROUP_SIZES, LARGEST_SIZE]
  for (const size of sizes) results.push(...(await benchGroup(size, options, model)))
  results.push(...growth(results))
  // Each of a thousand writes 83 000 entries.
  for (const size of options.short ? [10, 100] : GROUP_SIZES)
    results.push(await benchFirstPath(size, options, model))
  return results
}

/** The first path in a group: the tree is blank, and so the path has a ciphertext for every member. */
async function benchFirstPath(size: number, { runs }: Options, model: Model): Promise<Result> {
  const server = await Homeserver.open()
  try {
    const clients = await makeClients(server, size)
    const timed = []
    let sizes: RecordSizes = { head: 0, tree: 0 }
    for (let run = 0; run < runs; run++) {
      const group = await makeGroup(server, clients, [])
      const subject: Subject = { group, newcomer: clients[0] as Client, joiner: undefined }
      timed.push(await timeOne(server, pathCommit, subject))
      sizes = recordSizes(server, group)
    }
    const message_bytes = timed[0]?.messageBytes ?? 0
    return summarized(
      "first path commit",
      size,
      timed.map(({ time }) => time),
      {
        model: pathCommit.model(model, sizes, size - 1, message_bytes),
        more: { cpu_µs: median(timed.map(({ cpu }) => cpu)), message_bytes },
      },
    )
  } finally {
    await server.close()
  }
}

async function benchGroup(size: number, options: Options, model: Model): Promise<Result[]> {
  const server = await Homeserver.open()
  try {
    const clients = await makeClients(server, size + 1)
    const group = await makeGroup(server, clients.slice(0, size))
    const subject: Subject = { group, newcomer: clients[size] as Client, joiner: undefined }
    const series = cases.map((one) => ({ one, times: [] as number[], cpu: [] as number[], messageBytes: 0 }))
    // In turn, because the pool grows with every request, and with it what a request costs. The first run warms up.
    for (let run = 0; run <= options.runs; run++) {
      const round = cases.map(() => [] as Timed[])
      for (let i = 0; i < repetitionsFor(size, options); i++) {
        for (const [index, one] of cases.entries()) round[index]?.push(await timeOne(server, one, subject))
        await repair(server, group)
      }
      if (run > 0) for (const [index, timed] of round.entries()) record(series[index] as Series, timed)
    }
    return series.map((each) => describe(each, size, recordSizes(server, group), model))
  } finally {
    await server.close()
  }
}

interface Timed {
  readonly time: number
  readonly cpu: number
  readonly messageBytes: number
}

/** One case, with the medians of its runs. */
interface Series {
  readonly one: Case
  readonly times: number[]
  readonly cpu: number[]
  messageBytes: number
}

function record(series: Series, timed: readonly Timed[]): void {
  series.times.push(median(timed.map(({ time }) => time)))
  series.cpu.push(median(timed.map(({ cpu }) => cpu)))
  series.messageBytes = timed.at(-1)?.messageBytes ?? 0
}

function describe(
  { one, times, cpu, messageBytes }: Series,
  size: number,
  sizes: RecordSizes,
  model: Model,
): Result {
  const recipients = one.recipients === "none" ? 0 : size - 1
  return summarized(one.name, size, times, {
    model: one.model(model, sizes, recipients, messageBytes),
    more: {
      cpu_µs: median(cpu),
      ...(recipients === 0 ? {} : { µs_per_recipient: median(times) / recipients }),
      message_bytes: messageBytes,
      head_bytes: sizes.head,
      ...(one.operation === "sendMessage" ? {} : { tree_bytes: sizes.tree }),
    },
  })
}

function repetitionsFor(size: number, { short }: Options): number {
  if (size >= LARGEST_SIZE) return 1
  if (size >= 1000) return short ? 2 : 4
  return short ? 5 : 20
}

async function timeOne(server: Homeserver, { operation, prepare }: Case, subject: Subject): Promise<Timed> {
  const prepared = prepare(subject)
  const before = process.cpuUsage()
  const [time = 0] = await timeSteps(1, () => server.call(operation, prepared.body))
  const { user, system } = process.cpuUsage(before)
  prepared.accepted()
  return { time, cpu: user + system, messageBytes: prepared.messageBytes }
}

export function recordSizes({ store }: Homeserver, { author }: Group): RecordSizes {
  const stored = readGroup(store, author.groupId)
  const tree = stored && readTree(store, stored.row)
  return { head: stored?.head.ciphertext.length ?? 0, tree: tree?.ciphertext.length ?? 0 }
}

/** How time and processor time grow from each group size to the next: an exponent of 1 is in proportion to the members. */
function growth(results: readonly Result[]): Result[] {
  return cases.flatMap(({ name }) => {
    const ofCase = results.filter((result) => result.name === name)
    return ofCase.slice(1).map((result, i): Result => {
      const before = ofCase[i] as Result
      const factor = result.microseconds / before.microseconds
      const exponentOf = (times: number) => Math.log(times) / Math.log(result.size / before.size)
      const perMember = (result.microseconds - before.microseconds) / (result.size - before.size)
      return {
        name: `${name}: each further member`,
        size: result.size,
        microseconds: perMember,
        more: {
          times_the_size_before: factor,
          exponent: exponentOf(factor),
          cpu_exponent: exponentOf((result.more?.["cpu_µs"] ?? 0) / (before.more?.["cpu_µs"] ?? 0)),
        },
      }
    })
  })
}
