import { isNamedAnew, namesSomebody } from "../copies/conceded.ts"
import { type Interval, type TableChange, tablePlace } from "../copies/intervals.ts"
import { type Check, countedFinding } from "../finding.ts"
import { worldOf } from "../promise.ts"

/** Some rows of a table that came or went between two copies, out of all that are in either. */
interface Movement {
  readonly world: string
  readonly words: string
  /** How much it says of a row that it is one of them, in bits. */
  readonly bits: number
}

export function cameTogether(intervals: readonly Interval[]): Check {
  return {
    id: "came-together",
    question: "Do rows come or go together that may not be linked?",
    run() {
      const links = new Map<string, { readonly bits: number; readonly words: string }>()
      for (const { name, changes } of intervals) {
        for (const [one, other] of unlinkable(strongest(changes.flatMap(movementsOf)))) {
          const pair = [one.world, other.world].sort().join(" and ")
          const bits = one.bits + other.bits
          if (bits <= (links.get(pair)?.bits ?? 0)) continue
          const words = `${pair}: ${one.words}, and ${other.words}, between ${name}`
          links.set(pair, { bits, words: `${words}: ${bits.toFixed(1)} bits` })
        }
      }
      const found = [...links.values()].sort((a, b) => b.bits - a.bits)
      return countedFinding(
        "bits about a link",
        Math.max(0, ...found.map(({ bits }) => bits)),
        found.map(({ words }) => words),
        {
          clean:
            "Nobody and nothing came or went in the same interval as something that it may not be linked with.",
          leak: "Rows of two kinds came or went between the same two copies. By so many bits is a link between one of these and one of those likelier than between any two. The fewer register, make groups or are added to some between two copies, the surer it is.",
        },
      )
    },
  }
}

function movementsOf(change: TableChange): Movement[] {
  const world = worldOf(change.table)
  const { came, went, before } = change
  if (!namesSomebody(world) || isNamedAnew(change)) return []
  const all = before + came.length
  return (
    [
      [came, "came"],
      [went, "went"],
    ] as const
  ).flatMap(([rows, verb]) => {
    if (rows.length === 0 || rows.length === all) return []
    const words = `${rows.length} of ${all} rows of ${tablePlace(change)} ${verb}`
    return [{ world, words, bits: Math.log2(all / rows.length) }]
  })
}

/** Of each world what says most. */
function strongest(movements: readonly Movement[]): Movement[] {
  return [...Map.groupBy(movements, ({ world }) => world).values()].map((some) =>
    some.reduce((one, other) => (other.bits > one.bits ? other : one)),
  )
}

function unlinkable(movements: readonly Movement[]): (readonly [Movement, Movement])[] {
  return movements.flatMap((one, index) =>
    movements
      .slice(index + 1)
      .filter((other) => one.world !== other.world)
      .map((other) => [one, other] as const),
  )
}
