import { METRIC_SLOW_MILLISECONDS } from "../limits.ts"
import { type MetricName, metrics, type Outcome, outcomes } from "./definitions.ts"
import { type Random, veiled } from "./veil.ts"

/** What can be read off at any moment. */
export interface Measures {
  readonly streams: number
  /** Microseconds of processors since the process began. */
  readonly cpuMicroseconds: number
  /** Looks at the event loop since the process began, and those at which it was late. */
  readonly looks: number
  readonly late: number
  readonly memoryBytes: number
  /** From 0 to 1. */
  readonly diskFree: number
  /** Seconds since 1970; 0 if there is none. */
  readonly intermediateEnd: number
  readonly certificateEnd: number
}

export interface HourlyOptions {
  readonly version: string
  readonly measure: () => Measures
  /** Milliseconds since 1970. */
  readonly clock: () => number
  readonly random: Random
}

/** One line of a scrape. */
export interface Sample {
  readonly name: MetricName
  readonly label?: { readonly name: string; readonly value: string }
  readonly value: number
}

const HOUR_MILLISECONDS = 3_600_000

/**
 * Counts, and publishes at the end of each hour of the clock what was in it, under a veil. In between nothing of what is
 * published changes, whatever happens and however often it is asked for. The hour in which the server starts counts from then.
 */
export class HourlyMetrics {
  readonly #options: HourlyOptions
  #hour: number
  #began: { readonly time: number; readonly measures: Measures }
  #requests = emptyCounts()
  #slow = 0
  #defect = false
  #published: readonly Sample[]

  constructor(options: HourlyOptions) {
    this.#options = options
    const time = options.clock()
    this.#hour = hourOf(time)
    this.#began = { time, measures: options.measure() }
    this.#published = this.#samples(time, this.#began.measures)
  }

  request(outcome: Outcome, milliseconds: number): void {
    this.#roll()
    this.#requests[outcome]++
    if (milliseconds > METRIC_SLOW_MILLISECONDS) this.#slow++
  }

  defect(): void {
    this.#roll()
    this.#defect = true
  }

  /** As the last hour's end left them. */
  published(): readonly Sample[] {
    this.#roll()
    return this.#published
  }

  /** A clock that is set back begins no hour. */
  #roll(): void {
    const time = this.#options.clock()
    const hour = hourOf(time)
    if (hour <= this.#hour) return
    const measures = this.#options.measure()
    this.#published = this.#samples(time, measures)
    this.#hour = hour
    this.#began = { time, measures }
    this.#requests = emptyCounts()
    this.#slow = 0
  }

  #samples(time: number, now: Measures): Sample[] {
    const { measures: before, time: began } = this.#began
    const microseconds = Math.max(1, time - began) * 1000
    const looks = Math.max(1, now.looks - before.looks)
    return [
      { name: "cinder_info", label: { name: "version", value: this.#options.version }, value: 1 },
      ...outcomes.map((outcome) => ({
        ...this.#veiled("cinder_requests", this.#requests[outcome]),
        label: { name: "outcome", value: outcome },
      })),
      this.#veiled("cinder_slow_requests", this.#slow),
      this.#veiled("cinder_streams", now.streams),
      this.#veiled("cinder_cpu_ratio", (now.cpuMicroseconds - before.cpuMicroseconds) / microseconds),
      this.#veiled("cinder_lag_ratio", (now.late - before.late) / looks),
      this.#veiled("cinder_memory_bytes", now.memoryBytes),
      this.#veiled("cinder_disk_free_ratio", now.diskFree),
      { name: "cinder_defects", value: this.#defect ? 1 : 0 },
      { name: "cinder_intermediate_expiry_timestamp_seconds", value: now.intermediateEnd },
      { name: "cinder_certificate_expiry_timestamp_seconds", value: now.certificateEnd },
    ]
  }

  #veiled(name: VeiledName, value: number): Sample {
    return { name, value: veiled(value, metrics[name].veil, this.#options.random) }
  }
}

type VeiledName = {
  [K in MetricName]: (typeof metrics)[K] extends { readonly veil: object } ? K : never
}[MetricName]

function hourOf(milliseconds: number): number {
  return Math.floor(milliseconds / HOUR_MILLISECONDS)
}

function emptyCounts(): Record<Outcome, number> {
  return { answered: 0, refused: 0, overloaded: 0, failed: 0 }
}
