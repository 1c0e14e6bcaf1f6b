import { measure } from "mitata"
import type { FigureName } from "./figures.ts"

/** What every benchmark needs: its options, how it measures, and the form of its results. */

export interface Options {
  /** Under 50 seconds for everything: fewer repetitions, same sizes. */
  readonly short: boolean
  /** How often each measurement is done from the beginning; results are medians over them. */
  readonly runs: number
}

/** One number with what it is compared to. */
export interface Result {
  /** Benchmark and case, such as `send`. */
  readonly name: string
  /** Members, queues or bytes. */
  readonly size: number
  /** Median over the runs, in microseconds; NaN where something else was measured. */
  readonly microseconds: number
  /** The unavoidable work, measured in the same process, in microseconds; undefined where there is none. */
  readonly model?: number
  /** Lowest and highest of the runs, in microseconds. */
  readonly range?: readonly [low: number, high: number]
  /** Further numbers, each with its unit in its name. */
  readonly more?: Readonly<Record<string, number>>
  /** Numbers that have a target, by the names that figures.ts lists. */
  readonly figure?: Partial<Record<FigureName, number>>
  /** What there is to say about a number that is missing. */
  readonly note?: string
}

export type Benchmark = (options: Options) => Promise<readonly Result[]>

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2
}

/** Median microseconds of one call of a function that keeps nothing, by mitata. */
export async function timeCall(call: () => unknown, options: Options): Promise<number> {
  const settings = {
    min_cpu_time: (options.short ? 15 : 150) * 1e6,
    min_samples: options.short ? 3 : 12,
    batch_samples: options.short ? 64 : 1024,
    warmup_samples: 2,
    gc: false,
  }
  const { p50 } = await measure(call, settings)
  return p50 / 1000
}

/** Microseconds that each of `count` awaited steps took, one after the other. */
export async function timeSteps(count: number, step: () => Promise<void>): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const began = performance.now()
    await step()
    times.push((performance.now() - began) * 1000)
  }
  return times
}

/** One result from the microseconds of several runs. */
export function summarized(
  name: string,
  size: number,
  runs: readonly number[],
  rest: Pick<Result, "model" | "more" | "figure"> = {},
): Result {
  return { name, size, microseconds: median(runs), range: [Math.min(...runs), Math.max(...runs)], ...rest }
}

function rounded(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString("en").replaceAll(",", " ")
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

export const head = ["", "size", "µs", "low", "high", "model µs", "ratio", "more"]

/** What a table shows of a result, in the order of {@link head}. */
export function cells({ name, size, microseconds, range, model, more, note }: Result): string[] {
  return [
    name,
    `${size}`,
    known(microseconds) ? rounded(microseconds) : "",
    range === undefined ? "" : rounded(range[0]),
    range === undefined ? "" : rounded(range[1]),
    model === undefined ? "" : rounded(model),
    model === undefined ? "" : (microseconds / model).toFixed(2),
    note ??
      Object.entries(more ?? {})
        .map(([key, value]) => `${key.replaceAll("_", " ")} ${known(value) ? rounded(value) : "unknown"}`)
        .join(", "),
  ]
}

/** A table for people. */
export function formatTable(title: string, results: readonly Result[]): string {
  const rows = results.map(cells)
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map((row) => (row[column] ?? "").length)),
  )
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (i === 0 || i === 7 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join("  ")
      .trimEnd()
  return [`${title}`, line(head), ...rows.map(line)].join("\n")
}

/** NaN is null after it has been JSON. */
function known(value: number | null): boolean {
  return value !== null && !Number.isNaN(value)
}
