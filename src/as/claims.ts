import { Problem } from "../wire/problem.ts"
import { choosePackage, type PackageShelf, type StoredPackage } from "./packages.ts"
import type { AsParts } from "./parts.ts"

/**
 * Hands out one of the packages of a user or an alias that can be used. It is used up, unless it is the last or this
 * period's claims have used up as many as they may.
 *
 * @throws Problem as.no-connection-package
 */
export async function claimPackage<Row extends StoredPackage>(
  { crypto, store, change, claims }: AsParts,
  shelf: PackageShelf<Row>,
  isUsable: (row: Row) => boolean,
): Promise<Uint8Array> {
  if (shelf.list(store).length === 0) throw new Problem("as.no-connection-package")
  const mayConsume = claims.take(shelf.target)
  const claimed: Uint8Array[] = []
  await change((view) => {
    const choice = choosePackage(crypto, shelf, shelf.list(view).filter(isUsable), mayConsume)
    if (choice === undefined) throw new Problem("as.no-connection-package")
    claimed.push(choice.body)
    return choice.isUsedUp ? shelf.remove(view, choice.row) : []
  })
  const [body] = claimed as [Uint8Array]
  return body
}
