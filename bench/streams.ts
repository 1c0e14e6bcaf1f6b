import { AT_ONCE } from "./fan-out.ts"
import { median, type Options, type Result, summarized } from "./harness.ts"
import { MESSAGE_BYTES } from "./hot-path-cases.ts"
import { Stage } from "./load/stage.ts"
import { entriesFor, type Model } from "./model.ts"

/**
 * One message to 1 to 5 000 open streams, from the HTTP request until the last recipient has its frame; and how much
 * processor time a delivery costs the server, request, token, acknowledgement and deletion included, when several messages
 * are under way together.
 */

const SIZES = [1, 10, 100, 1000, 5000]
const SIZES_SHORT = [1, 10, 100, 1000]
/** The size whose ratio to the model has a target, and those over which the cost has to stay level. */
const TARGET_SIZE = 100
const LEVEL_FROM = 10
/** Messages in one measurement of processor time, and how long it takes at most. */
const MESSAGES_MAX = 1200
const MILLISECONDS = 4000
const MESSAGES_MAX_SHORT = 240
const MILLISECONDS_SHORT = 600
/** Until what was acknowledged at the end of a burst is deleted and scrubbed: who sends alone does not wait for that. */
const REST_MILLISECONDS = 1500

export async function benchStreams(options: Options, model: Model): Promise<readonly Result[]> {
  const sizes = options.short ? SIZES_SHORT : SIZES
  const stage = await Stage.set(sizes.map((size) => [size]))
  try {
    const measured: Measured[] = []
    for (const [i, size] of sizes.entries()) {
      await stage.listen(stage.casts[i]!)
      measured.push(await measure(stage, size, options))
      await stage.hangUp()
    }
    return [...measured.flatMap((each) => describe(each, model)), ...level(measured)]
  } finally {
    await stage.clear()
  }
}

interface Measured {
  readonly size: number
  /** Microseconds of one message alone, and of each of several. */
  readonly alone: readonly number[]
  readonly together: readonly number[]
  /** Microseconds of the server's processor time for each delivery. */
  readonly cpu: readonly number[]
}

async function measure(stage: Stage, size: number, { runs, short }: Options): Promise<Measured> {
  const alone: number[] = []
  const together: number[] = []
  const cpu: number[] = []
  const [messages, milliseconds] = short
    ? [MESSAGES_MAX_SHORT, MILLISECONDS_SHORT]
    : [MESSAGES_MAX, MILLISECONDS]
  const most = Math.max(AT_ONCE, Math.min(messages, (100 * messages) / size))
  await stage.rounds(1, 1)
  await stage.rounds(most / AT_ONCE, AT_ONCE, milliseconds / 2)
  for (let run = 0; run < runs; run++) {
    if (!short) await Bun.sleep(REST_MILLISECONDS)
    alone.push(median(await stage.rounds(30, 1, milliseconds / 4)))
    const before = stage.server.cpuTime()
    const times = await stage.rounds(most / AT_ONCE, AT_ONCE, milliseconds)
    const sent = times.length * AT_ONCE
    together.push(times.reduce((sum, time) => sum + time, 0) / sent)
    cpu.push((stage.server.cpuTime() - before) / (sent * size))
  }
  return { size, alone, together, cpu }
}

/** What no delivery can do without, in processor time: ticket, chain and seal, row, push. */
function deliveryCpu(model: Model, recipients: number): number {
  const entries = entriesFor(MESSAGE_BYTES)
  const rows = AT_ONCE * recipients * entries
  return model.ticketOpen + entries * (model.chainSeal + model.push) + (entries * model.rowsCpu(rows)) / rows
}

function describe({ size, alone, together, cpu }: Measured, model: Model): Result[] {
  const least = deliveryCpu(model, size)
  const ratio = median(cpu) / least
  return [
    summarized("one at a time, to the last frame", size, alone),
    summarized(`${AT_ONCE} at once, each, acknowledged`, size, together, {
      more: { deliveries_per_second: (size * 1e6) / median(together) },
    }),
    summarized("server CPU of a delivery", size, cpu, {
      model: least,
      ...(size === TARGET_SIZE ? { figure: { fanout_100_over_model: ratio } } : {}),
    }),
  ]
}

/**
 * How level the cost of a recipient is: the highest to the lowest of all sizes. What a message costs by itself (token,
 * signature, HTTP, its part of a transaction) is known from messages to one recipient and is not a recipient's; with it,
 * divided among all, stands beside.
 */
function level(measured: readonly Measured[]): Result[] {
  const [single] = measured
  const base = median(single!.cpu)
  const chosen = measured.filter(({ size }) => size >= LEVEL_FROM)
  const whole = chosen.map(({ cpu }) => median(cpu))
  const further = chosen.map(({ size }, i) => (size * (whole[i] as number) - base) / (size - 1))
  const spreadOf = (costs: readonly number[]) => Math.max(...costs) / Math.min(...costs)
  return [
    ...chosen.map(({ size }, i) => ({
      name: "server CPU of each further recipient",
      size,
      microseconds: further[i] as number,
    })),
    {
      name: "highest to lowest CPU of each further recipient",
      size: chosen.at(-1)?.size ?? 0,
      microseconds: Math.max(...further),
      more: { flatness: spreadOf(further), with_the_message: spreadOf(whole) },
      figure: { fanout_flatness: spreadOf(further) },
    },
  ]
}
