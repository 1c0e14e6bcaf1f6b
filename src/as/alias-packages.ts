import { type Effect, put, remove, type View } from "../store/database.ts"
import { numberedId } from "../veil/numbered.ts"
import type { PackageShelf } from "./packages.ts"
import { type AliasPackageRow, type AliasRow, aliases, aliasPackages } from "./tables.ts"

/** Packages of an alias, in the order of their numbers. */
export function packagesOf(view: View, { alias, packages }: AliasRow): AliasPackageRow[] {
  return [...packages].flatMap((number) => view.get(aliasPackages, { id: numberedId(alias, number) }) ?? [])
}

/** The alias without some of its packages, and with new ones under the first numbers that are free. */
export function changePackages(
  row: AliasRow,
  removed: readonly AliasPackageRow[],
  fresh: readonly Uint8Array[],
): Effect[] {
  const gone = new Set(removed.map(numberOf))
  const kept = [...row.packages].filter((number) => !gone.has(number))
  const free = NUMBERS.filter((number) => !kept.includes(number))
  const added = fresh.map((body, i) => ({ id: numberedId(row.alias, free[i] as number), body }))
  const packages = Uint8Array.from([...kept, ...added.map(numberOf)]).sort()
  return [
    put(aliases, { ...row, packages }),
    ...removed.map(({ id }) => remove(aliasPackages, { id })),
    ...added.map((one) => put(aliasPackages, one)),
  ]
}

/** Deletes an alias with its packages; its queue is the engine's to remove. */
export function removeAlias({ alias, packages }: AliasRow): Effect[] {
  const removals = [...packages].map((number) => remove(aliasPackages, { id: numberedId(alias, number) }))
  return [remove(aliases, { alias }), ...removals]
}

/** The packages of one alias. */
export function shelfOfAlias(alias: Uint8Array): PackageShelf<AliasPackageRow> {
  const registered = (view: View) => view.get(aliases, { alias })
  return {
    target: alias,
    list(view) {
      const row = registered(view)
      return row === undefined ? [] : packagesOf(view, row)
    },
    isOfSameOwner: () => true,
    remove(view, used) {
      const row = registered(view)
      return row === undefined ? [] : changePackages(row, [used], [])
    },
  }
}

const NUMBERS = [...new Uint8Array(256).keys()]

function numberOf({ id }: AliasPackageRow): number {
  return id.at(-1) as number
}
