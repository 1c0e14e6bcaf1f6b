import { statfsSync } from "node:fs"
import type { Outcome } from "./definitions.ts"
import { EventLoopWatch } from "./event-loop.ts"
import { HourlyMetrics, type Measures } from "./hourly.ts"
import { MetricsListener } from "./listener.ts"
import { asPrometheusText } from "./text.ts"
import type { Random } from "./veil.ts"

export interface ObservationOptions {
  readonly version: string
  readonly dataDirectory: string
  /** Milliseconds since 1970. */
  readonly clock: () => number
  readonly random: Random
}

/** What only a composed server can say. */
export interface Sources {
  readonly streams: () => number
  /** Seconds since 1970; 0 if there is none. */
  readonly intermediateEnd: () => number
  readonly certificateEnd: () => number
  /** Whether requests are served. */
  readonly ready: () => boolean
}

/** Watches a running server for its operator, and says no more of it than docs/metrics.md allows. */
export class Observation {
  readonly #options: ObservationOptions
  readonly #eventLoop = new EventLoopWatch()
  #hourly: HourlyMetrics | undefined
  #listener: MetricsListener | undefined

  constructor(options: ObservationOptions) {
    this.#options = options
  }

  /** A request was answered; `code` is that of the refusal. */
  request(code: string | undefined, milliseconds: number): void {
    this.#hourly?.request(outcomeOf(code), milliseconds)
  }

  defect(): void {
    this.#hourly?.defect()
  }

  /** Begins to count and to answer. Throws the system's error, for example of a port in use. */
  begin({ host, port }: { readonly host: string; readonly port: number }, sources: Sources): void {
    const { version, clock, random } = this.#options
    const hourly = new HourlyMetrics({ version, clock, random, measure: () => this.#measure(sources) })
    this.#listener = new MetricsListener(host, port, {
      metrics: () => asPrometheusText(hourly.published()),
      ready: sources.ready,
    })
    this.#hourly = hourly
  }

  async stop(): Promise<void> {
    this.#eventLoop.stop()
    await this.#listener?.stop()
  }

  #measure({ streams, intermediateEnd, certificateEnd }: Sources): Measures {
    const { user, system } = process.cpuUsage()
    const { bavail, blocks } = statfsSync(this.#options.dataDirectory)
    return {
      streams: streams(),
      cpuMicroseconds: user + system,
      looks: this.#eventLoop.looks,
      late: this.#eventLoop.late,
      memoryBytes: process.memoryUsage.rss(),
      diskFree: bavail / Math.max(1, blocks),
      intermediateEnd: intermediateEnd(),
      certificateEnd: certificateEnd(),
    }
  }
}

function outcomeOf(code: string | undefined): Outcome {
  switch (code) {
    case undefined:
      return "answered"
    case "server.overloaded":
      return "overloaded"
    case "server.internal":
      return "failed"
    default:
      return "refused"
  }
}
