import { metrics } from "./definitions.ts"
import type { Sample } from "./hourly.ts"

/** The text format of Prometheus, version 0.0.4. */
export const METRICS_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

export function asPrometheusText(samples: readonly Sample[]): string {
  const names = [...new Set(samples.map(({ name }) => name))]
  const lines = names.flatMap((name) => [
    `# HELP ${name} ${metrics[name].help}`,
    `# TYPE ${name} gauge`,
    ...samples.filter((sample) => sample.name === name).map(lineOf),
  ])
  return `${lines.join("\n")}\n`
}

/** Labels are the server's own words: nothing in them has to be escaped. */
function lineOf({ name, label, value }: Sample): string {
  return label === undefined ? `${name} ${value}` : `${name}{${label.name}="${label.value}"} ${value}`
}
