import type { Fanout, QueueHandle } from "../src/fanout.ts"
import { MEMBERS_MAX } from "../src/limits.ts"
import type { Store } from "../src/store/database.ts"
import { median, type Options, type Result, summarized } from "./harness.ts"
import { Homeserver } from "./homeserver.ts"
import { recordSizes, repair } from "./hot-path.ts"
import { ADD_SIGNATURES, cases, PATH_SIGNATURES, type Subject } from "./hot-path-cases.ts"
import type { Model } from "./model.ts"
import { makeClients, makeGroup, someLeaves } from "./population.ts"
import { threadTime } from "./thread-clock.ts"

/**
 * What the delivery service computes over the size of a group, without queues and disk: processor time from the body of a
 * request until its unit is submitted to the store. Beside it the least there is: opening the records and sealing those
 * that are written, the signatures, and one copy of what is written.
 */

/** In the largest group there is room for one more. */
const SIZES = [10, 100, 1000, 5000, MEMBERS_MAX - 1]
const TARGET_SIZE = 1000
/** From here on only some members have committed before. */
const SPARSE_SIZE = 5000

/** Small groups first: the runtime compiles what it needs meanwhile. */
const SIZES_SHORT = [100, TARGET_SIZE]
const WARM_UP_SIZE_MAX = 100
const WARM_UP_ROUNDS = 200
const WARM_UP_ROUNDS_LARGE = 3

const signatures: Readonly<Record<string, number>> = {
  send: 1,
  "path commit": PATH_SIGNATURES,
  "Add of one": ADD_SIGNATURES,
  "join: tree for a newcomer": 1,
}

export async function benchCommitState(options: Options, model: Model): Promise<readonly Result[]> {
  const results: Result[] = []
  for (const size of options.short ? SIZES_SHORT : SIZES)
    results.push(...(await benchSize(size, options, model)))
  const worst = Math.max(
    ...results
      .filter(({ name, size }) => size === TARGET_SIZE && (name === "path commit" || name === "Add of one"))
      .map((result) => result.microseconds / (result.model as number)),
  )
  return [
    ...results,
    {
      name: "path commit or Add, the worse ratio",
      size: TARGET_SIZE,
      microseconds: Number.NaN,
      figure: { commit_1000_over_model: worst },
    },
  ]
}

async function benchSize(size: number, { runs, short }: Options, model: Model): Promise<Result[]> {
  const first = await Homeserver.open()
  const clock = new Stopwatch()
  try {
    const clients = await makeClients(first, size + 1)
    const committers = size >= SPARSE_SIZE ? [someLeaves(size)] : []
    const group = await makeGroup(first, clients.slice(0, size), ...committers)
    const server = first.restarted({ fanout: toNobody(first.qs.fanout), store: watched(first.store, clock) })
    const subject: Subject = { group, newcomer: clients[size]!, joiner: undefined }
    const series = cases.map(() => [] as number[])
    const reading = cases.map(() => [] as number[])
    const repetitions = short || size >= SPARSE_SIZE ? 3 : 10
    // By cases, the median of so many rounds.
    const medians = async (rounds: number) => {
      const times = cases.map(() => [] as number[])
      for (let i = 0; i < rounds; i++) {
        for (const [at, { operation, prepare }] of cases.entries()) {
          const prepared = prepare(subject)
          clock.start()
          await server.call(operation, prepared.body)
          times[at]?.push(clock.stop())
          reading[at]?.push(clock.reading)
          prepared.accepted()
        }
        await repair(server, group)
      }
      return times.map(median)
    }
    await medians(size > WARM_UP_SIZE_MAX ? WARM_UP_ROUNDS_LARGE : WARM_UP_ROUNDS)
    for (let run = 0; run < runs; run++)
      for (const [at, time] of (await medians(repetitions)).entries()) series[at]?.push(time)
    const sizes = recordSizes(first, group)
    return cases.flatMap(({ name }, at) => {
      const checks = signatures[name]
      if (checks === undefined) return []
      const least = leastOf(name, sizes, model) + checks * model.verify
      const more = { of_it_reading_rows: median(reading[at]!) }
      return [summarized(name, size, series[at]!, { model: least, more })]
    })
  } finally {
    await first.close()
  }
}

function leastOf(name: string, { head, tree }: { head: number; tree: number }, model: Model): number {
  const [headCost, treeCost] = [model.ear(head), model.ear(tree)]
  if (name === "send") return headCost.open
  const opened = headCost.open + treeCost.open
  if (name.startsWith("join")) return opened
  return opened + headCost.seal + treeCost.seal + model.copy(head + tree)
}

/** Processor time of this thread, until something is submitted or the end. */
class Stopwatch {
  #began: number | undefined
  #time = 0
  #reading = 0

  start(): void {
    this.#reading = 0
    this.#began = threadTime()
  }

  /** How much of it something was read from the database. */
  get reading(): number {
    return this.#reading
  }

  read<T>(work: () => T): T {
    const began = threadTime()
    const result = work()
    this.#reading += threadTime() - began
    return result
  }

  stop(): number {
    if (this.#began !== undefined) {
      this.#time = threadTime() - this.#began
      this.#began = undefined
    }
    return this.#time
  }
}

/** A store that tells the clock what is read, and stops it when something is submitted. */
function watched(store: Store, clock: Stopwatch): Store {
  return {
    get: (table, key) => clock.read(() => store.get(table, key)),
    list: (table, prefix, limit, after) => clock.read(() => store.list(table, prefix, limit, after)),
    count: (table) => store.count(table),
    partitions: (prefix) => store.partitions(prefix),
    writer: {
      submit(unit) {
        clock.stop()
        return store.writer.submit(unit)
      },
      dropTable: (table) => store.writer.dropTable(table),
    },
  }
}

/** Finds every queue at once and delivers nothing. */
function toNobody({ domain }: Fanout): Fanout {
  const queue = {} as QueueHandle
  return {
    domain,
    resolve: (recipients) => recipients.map(() => ({ kind: "queue", queue, newTicket: undefined })),
    enqueue: () => ({ effects: [], committed: () => undefined, failed: () => undefined }),
  }
}
