import { EXPIRY_STEP_GROUPS } from "../limits.ts"
import type { View } from "../store/database.ts"
import { listGroups, readGroup, readTree } from "./store.ts"

/** What is outside of the groups' seals, of all together: everything that a snapshot sees of them. */
export interface GroupShapes {
  /** For each month, since January 2020, how many groups were last active in it. */
  readonly months: ReadonlyMap<number, number>
  /** For each length in bytes, how many sealed records have it. */
  readonly lengths: ReadonlyMap<number, number>
}

/** Looks at all groups in steps, so that requests get their turn. */
export async function groupShapes(view: View): Promise<GroupShapes> {
  const months = new Map<number, number>()
  const lengths = new Map<number, number>()
  let page = listGroups(view, EXPIRY_STEP_GROUPS)
  for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
    for (const { group_id, month } of page) {
      increase(months, month)
      const group = readGroup(view, group_id)
      for (const record of [group?.head, group && readTree(view, group.row)])
        if (record !== undefined) increase(lengths, record.ciphertext.length)
    }
    await new Promise((resolve) => setImmediate(resolve))
    page = listGroups(view, EXPIRY_STEP_GROUPS, last.group_id)
  }
  return { months, lengths }
}

function increase(counts: Map<number, number>, key: number): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
