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

interface Measured {
  readonly start: number
  readonly memory: number
  readonly cpu: readonly number[]
}

export async function benchMillion(options: Options): Promise<readonly Result[]> {
  const empty = await measure(options)
  const full = await measure(options, fill)
  const describe = (name: string, { start, memory, cpu }: Measured, size: number): Result =>
    summarized(`server CPU of a delivery, ${name}`, size, cpu, {
      more: { start_milliseconds: start, memory_MiB: memory / 2 ** 20 },
    })
  return [
    describe("nothing queued", empty, RECIPIENTS),
    describe("a million messages queued", full, GROUPS * CLIENTS_PER_GROUP),
    {
      name: "with a million messages to without",
      size: GROUPS * CLIENTS_PER_GROUP,
      microseconds: Number.NaN,
      more: {
        cpu_times: median(full.cpu) / median(empty.cpu),
        start_times: full.start / empty.start,
        memory_times: full.memory / empty.memory,
      },
    },
  ]
}

async function measure({ runs }: Options, filled?: typeof fill): Promise<Measured> {
  const stage = await Stage.set([[RECIPIENTS]], filled === undefined ? {} : { fill: filled })
  try {
    const { server } = stage
    const memory = server.residentBytes()
    await stage.listen(stage.casts[0] as Cast)
    await stage.rounds(200, AT_ONCE, MILLISECONDS)
    const cpu: number[] = []
    for (let run = 0; run < runs; run++) {
      const before = server.cpuTime()
      const times = await stage.rounds(200, AT_ONCE, MILLISECONDS)
      cpu.push((server.cpuTime() - before) / (times.length * AT_ONCE * RECIPIENTS))
    }
    return { start: server.startMilliseconds, memory, cpu }
  } finally {
    await stage.clear()
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
