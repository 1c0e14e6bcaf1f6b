import { median, type Options, type Result } from "./harness.ts"
import type { ArrivalsAnswer } from "./load/commands.ts"
import { type Cast, Stage } from "./load/stage.ts"

/**
 * Messages that arrive at a rate of their own, below and beyond what the server can do: how long they take from being sent to
 * the frame, how many are delivered, what becomes of the others, and how much memory the server needs meanwhile.
 */

const GROUPS = 16
const RECIPIENTS = 20
/** Clients who open a stream meanwhile, for each second. */
const PROBES_PER_SECOND = 10
const AT_ONCE = 2 * GROUPS
/** Rates, in parts of the one at which the server is always busy. */
const LOADS = [0.5, 1, 2, 4]
const LOADS_SHORT = [1, 3]
const MEMORY_MILLISECONDS = 50

interface Measured extends ArrivalsAnswer {
  readonly load: number
  readonly seconds: number
  readonly memory: number
}

export async function benchOverload({ runs, short }: Options): Promise<readonly Result[]> {
  const seconds = short ? 0.5 : 6
  const loads = short ? LOADS_SHORT : LOADS
  const probes = PROBES_PER_SECOND * seconds
  const sizes = Array.from({ length: GROUPS }, () => RECIPIENTS)
  const stage = await Stage.set([sizes, [probes]])
  try {
    const [cast, others] = stage.casts as [Cast, Cast]
    await stage.listen(cast)
    await stage.rounds(short ? 20 : 40, AT_ONCE, seconds * 1000)
    const measured: Measured[] = []
    for (let run = 0; run < runs; run++) {
      const times = await stage.rounds(short ? 10 : 60, AT_ONCE, seconds * 1000)
      const saturation = (times.length * AT_ONCE * 1e6) / times.reduce((sum, time) => sum + time, 0)
      for (const load of loads) {
        const { memory, answer } = await watchingMemory(stage, () =>
          stage.arrivals(load * saturation, seconds, others.listeners),
        )
        measured.push({ ...answer, load, seconds, memory })
      }
    }
    return describe(measured, loads)
  } finally {
    await stage.clear()
  }
}

/** The most that the server had while something was done. */
async function watchingMemory<T>(
  { server }: Stage,
  act: () => Promise<T>,
): Promise<{ answer: T; memory: number }> {
  let memory = 0
  const look = () => {
    memory = Math.max(memory, server.residentBytes())
  }
  const watching = setInterval(look, MEMORY_MILLISECONDS)
  try {
    return { answer: await act(), memory }
  } finally {
    clearInterval(watching)
  }
}

function describe(measured: readonly Measured[], loads: readonly number[]): Result[] {
  const goodputAt = (load: number) => figure(measured, load, goodput)
  return [
    ...loads.map((load) => describeLoad(measured, load)),
    {
      name: "lowest goodput beyond saturation, to the peak before",
      size: RECIPIENTS,
      microseconds: Number.NaN,
      more: { peak_deliveries_per_second: Math.max(...loads.map(goodputAt)) },
      figure: { overload_goodput: median(runsOf(measured, loads.length).map(kept)) },
    },
  ]
}

function goodput({ framesInTime, seconds }: Measured): number {
  return framesInTime / seconds
}

/** What is left of the best goodput so far, at the worst load beyond saturation; loads grow within a run. */
function kept(run: readonly Measured[]): number {
  let peak = 0
  const shares = run.map((one) => {
    peak = Math.max(peak, goodput(one))
    return one.load > 1 ? goodput(one) / peak : 1
  })
  return Math.min(...shares)
}

function runsOf(measured: readonly Measured[], loads: number): Measured[][] {
  return Array.from({ length: measured.length / loads }, (_, run) =>
    measured.slice(run * loads, (run + 1) * loads),
  )
}

function figure(measured: readonly Measured[], load: number, of: (one: Measured) => number): number {
  return median(measured.filter((one) => one.load === load).map(of))
}

function describeLoad(measured: readonly Measured[], load: number): Result {
  const at = (of: (one: Measured) => number) => figure(measured, load, of)
  const { refused, retryAfter } = sums(measured.filter((one) => one.load === load))
  return {
    name: `${load} of the saturating rate, to the frame`,
    size: RECIPIENTS,
    microseconds: at(({ frame }) => frame.p50),
    more: {
      p99_µs: at(({ frame }) => frame.p99),
      sent_per_second: at(({ sent, seconds }) => sent / seconds),
      accepted_per_second: at(({ acceptedInTime, seconds }) => acceptedInTime / seconds),
      deliveries_per_second: at(goodput),
      refused_share: at((one) => one.refused / one.sent),
      failed: at(({ failed }) => failed),
      ...(refused === 0
        ? {}
        : {
            refusal_p50_µs: at(({ refusal }) => refusal.p50),
            refusal_p99_µs: at(({ refusal }) => refusal.p99),
            refusals_with_retry_after: retryAfter / refused,
          }),
      opening_a_stream_p50_µs: at(({ opening }) => opening.p50),
      opening_a_stream_p99_µs: at(({ opening }) => opening.p99),
      memory_MiB: at(({ memory }) => memory) / 2 ** 20,
    },
  }
}

function sums(measured: readonly Measured[]): { refused: number; retryAfter: number } {
  const sum = (of: (one: Measured) => number) => measured.reduce((total, one) => total + of(one), 0)
  return { refused: sum(({ refused }) => refused), retryAfter: sum(({ retryAfter }) => retryAfter) }
}
