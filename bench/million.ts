import { sendBody } from "./fan-out.ts"
import { median, type Options, type Result, summarized } from "./harness.ts"
import type { Homeserver } from "./homeserver.ts"
import { type Cast, Stage } from "./load/stage.ts"
import { makeClients, makeGroup } from "./population.ts"

/**
 * A server that holds 100 000 queues with a million messages, beside one that holds only a group that talks: start, memory,
 * and what a message costs.
 */

const GROUPS = 10
const CLIENTS_PER_GROUP = 10_000
const MESSAGES_EACH = 10
const RECIPIENTS = 100
const AT_ONCE = 8
const MILLISECONDS = 4000
const STARTS = 9

/** One of the two servers, and what was measured of it. */
interface Side {
  readonly name: string
  readonly size: number
  readonly stage: Stage
  readonly memory: number
  readonly cpu: number[]
  readonly starts: number[]
}

export async function benchMillion({ runs }: Options): Promise<readonly Result[]> {
  const empty = await open("nothing queued", RECIPIENTS)
  const full = await open("a million messages queued", GROUPS * CLIENTS_PER_GROUP, fill)
  try {
    // In turn, so that what else the machine does meets both. The first run warms up.
    for (let run = 0; run <= runs; run++) {
      for (const side of [empty, full]) {
        const cost = await measure(side.stage)
        if (run > 0) side.cpu.push(cost)
      }
    }
    for (const { stage } of [empty, full]) await stage.hangUp()
    for (let start = 0; start < STARTS; start++)
      for (const { stage, starts } of [empty, full]) starts.push(await stage.startAgain())
  } finally {
    await empty.stage.clear()
    await full.stage.clear()
  }
  return [describe(empty), describe(full), compare(empty, full)]
}

async function open(name: string, size: number, filled?: typeof fill): Promise<Side> {
  const stage = await Stage.set([[RECIPIENTS]], filled === undefined ? {} : { fill: filled })
  const memory = stage.server.residentBytes()
  await stage.listen(stage.casts[0] as Cast)
  return { name, size, stage, memory, cpu: [], starts: [] }
}

async function measure(stage: Stage): Promise<number> {
  const before = stage.server.cpuTime()
  const times = await stage.rounds(200, AT_ONCE, MILLISECONDS)
  return (stage.server.cpuTime() - before) / (times.length * AT_ONCE * RECIPIENTS)
}

function describe({ name, size, memory, cpu, starts }: Side): Result {
  return summarized(`server CPU of a delivery, ${name}`, size, cpu, {
    more: { start_milliseconds: median(starts), memory_MiB: memory / 2 ** 20 },
  })
}

function compare(empty: Side, full: Side): Result {
  return {
    name: "with a million messages to without",
    size: full.size,
    microseconds: Number.NaN,
    more: {
      cpu_times: median(full.cpu) / median(empty.cpu),
      start_times: median(full.starts) / median(empty.starts),
      memory_times: full.memory / empty.memory,
    },
  }
}

/** Through the services themselves, in this process. */
async function fill(server: Homeserver): Promise<void> {
  for (let group = 0; group < GROUPS; group++) {
    // One more than have messages: the first sends them.
    const made = await makeGroup(server, await makeClients(server, CLIENTS_PER_GROUP + 1), [])
    for (let i = 0; i < MESSAGES_EACH; i++) await server.call("sendMessage", sendBody(made))
  }
}
