import type { SealedRecord } from "../crypto/ear.ts"
import { release } from "../crypto/wipe.ts"
import {
  defineTable,
  type Effect,
  type Expectation,
  expectAbsent,
  expectRow,
  put,
  remove,
  type View,
} from "../store/database.ts"
import { Problem } from "../wire/problem.ts"

/** The DS's tables in db/delivery and all that is done with them. */

export type GroupRow = {
  readonly group_id: Uint8Array
  readonly month: number
  readonly head_salt: Uint8Array
  readonly head_commitment: Uint8Array
  readonly tree_salt: Uint8Array
  readonly tree_commitment: Uint8Array
}
type CiphertextRow = { readonly group_id: Uint8Array; readonly ciphertext: Uint8Array }

const groups = defineTable<GroupRow>(
  "ds_group",
  ["group_id"],
  ["group_id", "month", "head_salt", "head_commitment", "tree_salt", "tree_commitment"],
)
const heads = recordTable("ds_head")
const trees = recordTable("ds_tree")

function recordTable(name: string) {
  return defineTable<CiphertextRow>(name, ["group_id"], ["group_id", "ciphertext"], { placed: true })
}

type ReportRow = {
  readonly group_id: Uint8Array
  readonly public_key: Uint8Array
  readonly sealed: Uint8Array
}
const reports = defineTable<ReportRow>("ds_report", ["group_id"], ["group_id", "public_key", "sealed"])

/** Reports of queues that are gone (reports.ts). */
export interface StoredReports {
  readonly publicKey: Uint8Array
  readonly sealed: Uint8Array
}

/** A group as it is stored: what is outside the seals, and the sealed head. */
export interface StoredGroup {
  readonly row: GroupRow
  readonly head: SealedRecord
}

/** What a write changes; what it leaves out stays. */
export interface GroupChange {
  readonly month?: number
  readonly head?: SealedRecord
  readonly tree?: SealedRecord
}

export function readGroup(view: View, groupId: Uint8Array): StoredGroup | undefined {
  const row = view.get(groups, { group_id: groupId })
  const head = view.get(heads, { group_id: groupId })
  if (row === undefined || head === undefined) return undefined
  return {
    row,
    head: { salt: row.head_salt, commitment: row.head_commitment, ciphertext: head.ciphertext },
  }
}

/** The sealed tree that belongs to a group read in the same turn of the event loop. */
export function readTree(view: View, group: GroupRow): SealedRecord | undefined {
  const tree = view.get(trees, { group_id: group.group_id })
  if (tree === undefined) return undefined
  return { salt: group.tree_salt, commitment: group.tree_commitment, ciphertext: tree.ciphertext }
}

/** The reports that belong to a group read in the same turn of the event loop. */
export function readReports(view: View, { group_id }: GroupRow): StoredReports {
  const row = view.get(reports, { group_id })
  if (row === undefined) throw new Problem("server.internal")
  return { publicKey: row.public_key, sealed: row.sealed }
}

export function writeReports(groupId: Uint8Array, { publicKey, sealed }: StoredReports): Effect {
  return put(reports, { group_id: groupId, public_key: publicKey, sealed })
}

export function groupExists(view: View, groupId: Uint8Array): boolean {
  return view.get(groups, { group_id: groupId }) !== undefined
}

/** The next groups in the order of their ids, what is outside of their seals. */
export function listGroups(view: View, limit: number, after?: Uint8Array): GroupRow[] {
  return view.list(groups, {}, limit, after === undefined ? undefined : { group_id: after })
}

/** Nothing happened in the group since. */
export function groupIsOfMonth(groupId: Uint8Array, month: number): Expectation {
  return expectRow(groups, { group_id: groupId }, "month", month)
}

export function groupAbsent(groupId: Uint8Array): Expectation {
  return expectAbsent(groups, { group_id: groupId })
}

/** Neither head nor tree was written since: the head's salt is fresh with every write, and a tree never changes alone. */
export function groupUnchanged({ group_id, head_salt }: GroupRow): Expectation {
  return expectRow(groups, { group_id }, "head_salt", head_salt)
}

export function createRows(
  groupId: Uint8Array,
  month: number,
  head: SealedRecord,
  tree: SealedRecord,
  sealedReports: StoredReports,
): Effect[] {
  return [
    writeReports(groupId, sealedReports),
    put(groups, {
      group_id: groupId,
      month,
      head_salt: head.salt,
      head_commitment: head.commitment,
      tree_salt: tree.salt,
      tree_commitment: tree.commitment,
    }),
    put(heads, { group_id: groupId, ciphertext: head.ciphertext }),
    put(trees, { group_id: groupId, ciphertext: tree.ciphertext }),
  ]
}

/** Gives back the memory of the records among these rows, which are written or will not be. */
export function releaseRecords(rows: readonly Effect[]): void {
  for (const effect of rows) {
    if (effect.kind === "put" && (effect.table === heads || effect.table === trees))
      release((effect.row as CiphertextRow).ciphertext)
  }
}

export function deleteRows(group_id: Uint8Array): Effect[] {
  const key = { group_id }
  return [remove(groups, key), remove(heads, key), remove(trees, key), remove(reports, key)]
}

export function changeRows(group: GroupRow, change: GroupChange): Effect[] {
  const { head, tree, month = group.month } = change
  const { group_id } = group
  const row = {
    ...group,
    month,
    ...(head && { head_salt: head.salt, head_commitment: head.commitment }),
    ...(tree && { tree_salt: tree.salt, tree_commitment: tree.commitment }),
  }
  const effects: Effect[] = [put(groups, row)]
  if (head !== undefined) effects.push(put(heads, { group_id, ciphertext: head.ciphertext }))
  if (tree !== undefined) effects.push(put(trees, { group_id, ciphertext: tree.ciphertext }))
  return effects
}
