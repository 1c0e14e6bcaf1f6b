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

interface Target {
  readonly what: string
  readonly limit: number
  /** Whether the limit is the most that is wanted, or the least. */
  readonly isMost: boolean
}

export const targets: Readonly<Record<FigureName, Target>> = {
  fanout_100_over_model: {
    what: "server CPU of a delivery at 100 recipients, to the model",
    limit: 2,
    isMost: true,
  },
  fanout_flatness: {
    what: "highest to lowest server CPU of a delivery, from 10 to 5 000 recipients",
    limit: 1.3,
    isMost: true,
  },
  over_textbook_postgres: {
    what: "deliveries per second, to those of the textbook design on PostgreSQL",
    limit: 20,
    isMost: false,
  },
  send_2_over_model: {
    what: "server CPU of a send to one, with token and signature, to the model",
    limit: 1.5,
    isMost: true,
  },
  commit_1000_over_model: {
    what: "CPU of a path commit or Add at 1 000 members, to the model",
    limit: 2,
    isMost: true,
  },
  overload_goodput: {
    what: "lowest goodput beyond saturation, to the peak",
    limit: 0.9,
    isMost: false,
  },
}

/** A result, as far as it has numbers with a target. */
interface Measured {
  readonly figure?: Partial<Record<FigureName, number>>
}

/** All numbers with a target, null where one was not measured. */
export function figuresOf(results: readonly Measured[]): Record<FigureName, number | null> {
  const found: Partial<Record<FigureName, number>> = Object.assign({}, ...results.map(({ figure }) => figure))
  const entries = figureNames.map((name) => [name, found[name] ?? null] as const)
  return Object.fromEntries(entries) as Record<FigureName, number | null>
}

/** A line for each. */
export function formatFigures(figures: Readonly<Record<FigureName, number | null>>): string {
  const lines = figureNames.map((name) => {
    const value = figures[name]
    if (value === null) return `${name}: not measured here, or not possible as said above`
    return `${name}: ${value.toPrecision(3)}, wanted ${boundOf(name)}`
  })
  return lines.join("\n")
}

export function boundOf(name: FigureName): string {
  const { limit, isMost } = targets[name]
  return `${isMost ? "at most" : "at least"} ${limit}`
}
