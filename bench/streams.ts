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

const SIZES = [1, 10, 100, 1000]
const LARGEST_SIZE = 5000
/** The size whose ratio to the model has a target, and those over which the cost has to stay level. */
const TARGET_SIZE = 100
const LEVEL_FROM = 10
/** Deliveries in one measurement of processor time: enough for hundreds of its ticks. */
const DELIVERIES = 12_000
const MESSAGES_MAX = 1200
const MESSAGES_MAX_SHORT = 240

export async function benchStreams(options: Options, model: Model): Promise<readonly Result[]> {
  const sizes = options.short ? SIZES : [...SIZES, LARGEST_SIZE]
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
  const messages = Math.min(
    short ? MESSAGES_MAX_SHORT : MESSAGES_MAX,
    Math.ceil(((short ? 1 : 2) * DELIVERIES) / size),
  )
  const rounds = Math.max(1, Math.round(messages / AT_ONCE))
  await stage.rounds(1, 1)
  await stage.rounds(size >= 1000 ? 1 : 10, AT_ONCE)
  for (let run = 0; run < runs; run++) {
    alone.push(median(await stage.rounds(Math.min(short ? 10 : 30, rounds), 1)))
    const before = stage.server.cpuTime()
    const times = await stage.rounds(rounds, AT_ONCE)
    together.push(times.reduce((sum, time) => sum + time, 0) / (rounds * AT_ONCE))
    cpu.push((stage.server.cpuTime() - before) / (rounds * AT_ONCE * size))
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

/** How level the cost is: the highest to the lowest of all sizes; and the same without what a request costs by itself. */
function level(measured: readonly Measured[]): Result[] {
  const [first, ...others] = measured.map(({ size, cpu }) => ({ size, perMessage: size * median(cpu) }))
  const spreadOf = (costs: readonly number[]) => Math.max(...costs) / Math.min(...costs)
  const chosen = others.filter(({ size }) => size >= LEVEL_FROM)
  const whole = chosen.map(({ size, perMessage }) => perMessage / size)
  const added = chosen.map(({ size, perMessage }) => (perMessage - first!.perMessage) / (size - first!.size))
  const largest = chosen.at(-1)!.size
  return [
    {
      name: "highest to lowest CPU of a delivery",
      size: largest,
      microseconds: Math.max(...whole),
      more: { flatness: spreadOf(whole), of_each_further_recipient: spreadOf(added) },
      figure: { fanout_flatness: spreadOf(whole) },
    },
  ]
}
