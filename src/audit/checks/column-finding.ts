import { type Column, columnsOf, placeOf } from "../columns.ts"
import type { Snapshot } from "../evidence.ts"
import { countedFinding, type Finding } from "../finding.ts"

/** What leaks from columns one by one: as much as from the worst of them. `bitsOf` is 0 where nothing does. */
export function columnFinding(
  unit: string,
  snapshots: readonly Snapshot[],
  bitsOf: (column: Column) => number,
  words: { readonly clean: string; readonly leak: string },
): Omit<Finding, "id"> {
  const leaks = snapshots
    .flatMap(columnsOf)
    .map((column) => ({ column, bits: bitsOf(column) }))
    .filter(({ bits }) => bits > 0)
  const places = leaks.map(({ column, bits }) => `${placeOf(column)}: ${bits.toFixed(3)} ${unit}`)
  return countedFinding(unit, Math.max(0, ...leaks.map(({ bits }) => bits)), [...new Set(places)], words)
}
