import type { Result } from "./harness.ts"

/** The numbers that have targets: the last line of `npm run bench -- --json` has them at its top. */

export const figureNames = [
  "fanout_100_over_model",
  "fanout_flatness",
  "over_textbook_postgres",
  "send_2_over_model",
  "commit_1000_over_model",
  "overload_goodput",
] as const

export type FigureName = (typeof figureNames)[number]

/** All numbers with a target, null where one was not measured. */
export function figuresOf(results: readonly Result[]): Record<FigureName, number | null> {
  const found: Partial<Record<FigureName, number>> = Object.assign({}, ...results.map(({ figure }) => figure))
  const entries = figureNames.map((name) => [name, found[name] ?? null] as const)
  return Object.fromEntries(entries) as Record<FigureName, number | null>
}
