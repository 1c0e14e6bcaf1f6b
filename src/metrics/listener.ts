import type { Server } from "bun"
import { METRIC_DELAY_MILLISECONDS_MAX, METRIC_DELAY_MILLISECONDS_MIN } from "../limits.ts"
import { METRICS_MEDIA_TYPE } from "./text.ts"

export interface MetricsPages {
  /** The text of a scrape. */
  readonly metrics: () => string
  /** Whether requests are served. */
  readonly ready: () => boolean
}

/**
 * The listener for metrics and health, apart from the one for clients. How long an answer takes is recorded by whoever asks,
 * too, and would show that the server was busy in this moment: so each waits for a random time, which is longer than that.
 */
export class MetricsListener {
  readonly #server: Server<undefined>

  /** Throws the system's error, for example of a port in use. */
  constructor(host: string, port: number, pages: MetricsPages) {
    this.#server = Bun.serve({
      hostname: host,
      port,
      development: false,
      reusePort: false,
      fetch: async ({ method, url }) => {
        const answer = answerTo(method, new URL(url).pathname, pages)
        const spread = METRIC_DELAY_MILLISECONDS_MAX - METRIC_DELAY_MILLISECONDS_MIN
        await Bun.sleep(METRIC_DELAY_MILLISECONDS_MIN + spread * Math.random())
        return answer
      },
    })
  }

  async stop(): Promise<void> {
    await this.#server.stop(true)
  }
}

function answerTo(method: string, path: string, { metrics, ready }: MetricsPages): Response {
  if (method !== "GET" && method !== "HEAD") return new Response("only GET\n", { status: 405 })
  switch (path) {
    case "/metrics":
      return new Response(metrics(), { headers: { "content-type": METRICS_MEDIA_TYPE } })
    case "/health":
      return new Response("ok\n")
    case "/ready":
      return ready() ? new Response("ready\n") : new Response("not ready\n", { status: 503 })
    default:
      return new Response("/metrics, /health, /ready\n", { status: 404 })
  }
}
