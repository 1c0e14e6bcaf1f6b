import { EXPIRY_STEP_GROUPS } from "../limits.ts"
import { monthOf } from "../month.ts"
import { Conflict } from "../store/database.ts"
import type { DsContext } from "./context.ts"
import { deleteRows, type GroupRow, groupIsOfMonth, listGroups } from "./store.ts"

/**
 * Deletes the groups in which nothing happened for longer than the operator keeps them, in steps, so that requests get
 * their turn. A group to which a message comes meanwhile stays. Nothing is deleted by a clock that was set lately.
 */
export async function expireGroups(context: DsContext): Promise<void> {
  const { clockSettled, config, now, store } = context
  if (!clockSettled()) return
  const oldest = monthOf(now()) - config.expiryMonths
  let page = listGroups(store, EXPIRY_STEP_GROUPS)
  for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
    const expired = page.filter(({ month }) => month < oldest)
    await Promise.all(expired.map((group) => expire(context, group)))
    await new Promise((resolve) => setImmediate(resolve))
    page = listGroups(store, EXPIRY_STEP_GROUPS, last.group_id)
  }
}

async function expire({ store }: DsContext, { group_id, month }: GroupRow): Promise<void> {
  try {
    await store.writer.submit({
      expects: [groupIsOfMonth(group_id, month)],
      effects: () => deleteRows(group_id),
    })
  } catch (error) {
    if (!(error instanceof Conflict)) throw error
  }
}
