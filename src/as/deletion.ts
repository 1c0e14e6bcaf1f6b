import { CLIENTS_PER_USER_MAX } from "../limits.ts"
import type { QueueChange } from "../queue/change.ts"
import type { QueueEngine } from "../queue/engine.ts"
import { type Effect, type KeyOf, type RowOf, remove, type Table, type View } from "../store/database.ts"
import { makeClientId } from "../wire/user-id.ts"
import { PACKAGES_PER_USER_MAX } from "./client-packages.ts"
import { PROFILE_PARTS } from "./profiles.ts"
import { clients, packages, profiles, users } from "./tables.ts"

/**
 * Deletes whatever the AS keeps of a user; to be called inside a unit's `effects`. Nothing is left that says that there
 * was such a user, so the user id is free again: to keep it taken, the server would have to remember it for ever.
 */
export function deleteUser(engine: QueueEngine, view: View, user: Uint8Array): QueueChange {
  const owned = view.list(clients, { user }, CLIENTS_PER_USER_MAX)
  const queues = owned.map(({ client }) => engine.remove(view, makeClientId(user, client)))
  return {
    effects: [
      ...rowsOf(view, users, user, 1),
      ...rowsOf(view, clients, user, CLIENTS_PER_USER_MAX),
      ...rowsOf(view, packages, user, PACKAGES_PER_USER_MAX),
      ...rowsOf(view, profiles, user, PROFILE_PARTS),
      ...queues.flatMap(({ effects }) => effects),
    ],
    committed: () => {
      for (const queue of queues) queue.committed()
    },
    failed: () => {
      for (const queue of queues) queue.failed()
    },
  }
}

/** The deletions of a user's rows in a table whose key begins with the user; there are at most `max`. */
function rowsOf<Row extends RowOf<Row>>(
  view: View,
  table: Table<Row>,
  user: Uint8Array,
  max: number,
): Effect[] {
  const rows = view.list(table, { user } as unknown as Partial<Row>, max)
  return rows.map((row) => {
    const key = Object.fromEntries(table.key.map((column) => [column, row[column]]))
    return remove(table, key as KeyOf<Row>)
  })
}
