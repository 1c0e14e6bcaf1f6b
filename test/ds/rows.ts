import { defineTable, put, type Reader } from "../../src/store/database.ts"
import type { OpenedStore } from "../../src/store/open.ts"
import { toHex } from "../../src/wire/bytes.ts"

/** The group tables as somebody with access to the database sees them. */

export type GroupRow = {
  readonly group_id: Uint8Array
  readonly month: number
  readonly head_salt: Uint8Array
  readonly head_commitment: Uint8Array
  readonly tree_salt: Uint8Array
  readonly tree_commitment: Uint8Array
}
export type CiphertextRow = { readonly group_id: Uint8Array; readonly ciphertext: Uint8Array }

export type ReportRow = {
  readonly group_id: Uint8Array
  readonly public_key: Uint8Array
  readonly sealed: Uint8Array
}

const groups = defineTable<GroupRow>(
  "ds_group",
  ["group_id"],
  ["group_id", "month", "head_salt", "head_commitment", "tree_salt", "tree_commitment"],
)
const heads = defineTable<CiphertextRow>("ds_head", ["group_id"], ["group_id", "ciphertext"], {
  placed: true,
})
const trees = defineTable<CiphertextRow>("ds_tree", ["group_id"], ["group_id", "ciphertext"], {
  placed: true,
})

const reports = defineTable<ReportRow>("ds_report", ["group_id"], ["group_id", "public_key", "sealed"])

export interface GroupRows {
  readonly group: GroupRow
  readonly head: CiphertextRow
  readonly tree: CiphertextRow
}

export function rowsOf(store: Reader, groupId: Uint8Array): GroupRows {
  const key = { group_id: groupId }
  const [group, head, tree] = [store.get(groups, key), store.get(heads, key), store.get(trees, key)]
  if (group === undefined || head === undefined || tree === undefined) throw new Error("no such group")
  return { group, head, tree }
}

export function reportOf(store: Reader, groupId: Uint8Array): ReportRow {
  const row = store.get(reports, { group_id: groupId })
  if (row === undefined) throw new Error("no such group")
  return row
}

export async function overwriteReport(store: OpenedStore, row: ReportRow): Promise<void> {
  await store.writer.submit({ expects: [], effects: () => [put(reports, row)] })
}

/** Writes rows past the service. */
export async function overwrite(store: OpenedStore, { group, head, tree }: GroupRows): Promise<void> {
  await store.writer.submit({
    expects: [],
    effects: () => [put(groups, group), put(heads, head), put(trees, tree)],
  })
}

/** Everything in the group tables, as text. */
export function contents(store: Reader): string {
  const rows = [
    ...store.list(groups, {}, 1000),
    ...store.list(heads, {}, 1000),
    ...store.list(trees, {}, 1000),
    ...store.list(reports, {}, 1000),
  ]
  return rows
    .map((row) =>
      Object.values(row)
        .map((value) => (value instanceof Uint8Array ? toHex(value) : String(value)))
        .join(" "),
    )
    .join("\n")
}
