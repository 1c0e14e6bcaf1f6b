import { concat } from "../wire/bytes.ts"
import { Problem } from "../wire/problem.ts"
import {
  type Claim,
  choosePackage,
  type OwnerKey,
  PACKAGES_PER_USER_MAX,
  type PackageColumns,
  type PackageTable,
} from "./packages.ts"
import type { AsParts } from "./parts.ts"

/**
 * Hands out one of the packages of a user or an alias that can be used. It is used up, unless it is the last or this
 * period's claims have used up as many as they may.
 *
 * @throws Problem as.no-connection-package
 */
export async function claimPackage(
  { crypto, store, change, claims }: AsParts,
  table: PackageTable,
  target: OwnerKey,
  isUsable: (row: PackageColumns) => boolean,
): Promise<Uint8Array> {
  if (store.list(table, target, 1).length === 0) throw new Problem("as.no-connection-package")
  const mayConsume = claims.take(concat(...Object.values(target)))
  const claimed: Claim[] = []
  await change((view) => {
    const stored = view.list(table, target, PACKAGES_PER_USER_MAX)
    const claim = choosePackage(crypto, table, stored, isUsable, mayConsume)
    if (claim === undefined) throw new Problem("as.no-connection-package")
    claimed.push(claim)
    return claim.effects
  })
  const [claim] = claimed as [Claim]
  return claim.body
}
