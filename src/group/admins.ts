import type { FlatTree } from "../mls/index.ts"
import { toHex } from "../wire/bytes.ts"

/** What a member's commit does to the signature keys of a group. */
export interface KeyChange {
  /** The tree before the commit. */
  readonly before: FlatTree
  readonly removed: readonly number[]
  /** The committer's leaf, and its key afterwards. */
  readonly committer: { readonly leaf: number; readonly key: Uint8Array }
}

/**
 * The admins after a member's commit that is not about roles, as signature keys: those who were and who stay, under the
 * keys that they have then. If none is left, whoever has the lowest leaf of those who stay becomes the admin, so that
 * there always is one and everybody finds the same. Leaves that the commit adds do not count.
 */
export function adminsAfter(admins: readonly Uint8Array[], change: KeyChange): Uint8Array[] {
  const { before, removed, committer } = change
  const key = (leaf: number) => before.signatureKey(leaf)
  const gone = new Set(removed.map((leaf) => toHex(key(leaf))))
  const renewed = toHex(key(committer.leaf))
  const staying = admins
    .filter((admin) => !gone.has(toHex(admin)))
    .map((admin) => (toHex(admin) === renewed ? committer.key : admin))
  if (staying.length > 0) return staying
  const lowest = before.members().find((leaf) => !removed.includes(leaf))
  if (lowest === undefined || lowest === committer.leaf) return [committer.key]
  return [key(lowest)]
}
