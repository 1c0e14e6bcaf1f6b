import {
  METRIC_COUNT_NOISE,
  METRIC_COUNT_STEP,
  METRIC_MEMORY_NOISE_BYTES,
  METRIC_MEMORY_STEP_BYTES,
  METRIC_SHARE_NOISE,
  METRIC_SHARE_STEP,
} from "../limits.ts"

/**
 * What is scraped is kept for months, so it is part of what the snapshot adversary gets (docs/metrics.md). A value that
 * follows what people do is therefore changed once an hour only, for all together, with noise, and rounded.
 */
export interface Veil {
  /** Published are multiples of this. */
  readonly step: number
  /** The mean of the noise's size. */
  readonly noise: number
}

export interface Metric {
  /** One sentence, for whoever reads the scrape. */
  readonly help: string
  /** Absent: the value does not depend on what people do. */
  readonly veil?: Veil
}

const counts = { step: METRIC_COUNT_STEP, noise: METRIC_COUNT_NOISE }
const shares = { step: METRIC_SHARE_STEP, noise: METRIC_SHARE_NOISE }
const memory = { step: METRIC_MEMORY_STEP_BYTES, noise: METRIC_MEMORY_NOISE_BYTES }

/** All of them are gauges. */
export const metrics = {
  cinder_info: { help: "Always 1; the label is the server's version." },
  cinder_requests: { help: "Requests in the last hour, roughly, by what came of them.", veil: counts },
  cinder_slow_requests: {
    help: "Requests in the last hour, roughly, that took longer than a second.",
    veil: counts,
  },
  cinder_streams: { help: "Open streams when the last hour ended, roughly.", veil: counts },
  cinder_cpu_ratio: {
    help: "Processors that the server kept busy in the last hour, on average, roughly.",
    veil: shares,
  },
  cinder_lag_ratio: {
    help: "The share of looks in the last hour at which the event loop was late by more than a tenth of a second, roughly.",
    veil: shares,
  },
  cinder_memory_bytes: { help: "Memory of the process when the last hour ended, roughly.", veil: memory },
  cinder_disk_free_ratio: {
    help: "The free share of the data's file system when the last hour ended, roughly.",
    veil: shares,
  },
  cinder_defects: {
    help: "1 if the server has met a defect, of which it said so, from its start to the end of the last hour.",
  },
  cinder_intermediate_expiry_timestamp_seconds: {
    help: "When the intermediate ends that signs clients, in seconds since 1970.",
  },
  cinder_certificate_expiry_timestamp_seconds: {
    help: "When the TLS certificate ends, in seconds since 1970; 0 without one.",
  },
} as const satisfies Record<string, Metric>

export type MetricName = keyof typeof metrics

/** What comes of a request. */
export const outcomes = ["answered", "refused", "overloaded", "failed"] as const
export type Outcome = (typeof outcomes)[number]
