import type { QueueChange } from "../queue/change.ts"
import type { QueueEngine } from "../queue/engine.ts"
import { byteName } from "../store/byte-name.ts"
import { put, type View } from "../store/database.ts"
import { removeClient, removeUser, withoutClients } from "./store.ts"
import { clients, users } from "./tables.ts"

/**
 * Removes clients with their queues and AddPackages, and each user whose last client goes. To be called inside a unit's
 * `effects`. Ids of clients that are gone are passed over. What is queued for them cannot be found any more, and goes
 * with its partition.
 */
export function removeClients(engine: QueueEngine, view: View, ids: readonly Uint8Array[]): QueueChange {
  const rows = ids.flatMap((id) => view.get(clients, { id }) ?? [])
  const owners = new Map(rows.map((row) => [byteName(row.user_id), row.user_id]))
  const left = [...owners.values()]
    .flatMap((id) => view.get(users, { id }) ?? [])
    .map((user) => withoutClients(user, ids))
  const queues = rows.map(({ id }) => engine.remove(view, id))
  return {
    effects: [
      ...rows.flatMap(removeClient),
      ...queues.flatMap(({ effects }) => effects),
      ...left.flatMap((user) => (user.clients.length === 0 ? removeUser(user) : [put(users, user)])),
    ],
    committed: () => {
      for (const queue of queues) queue.committed()
    },
    failed: () => {
      for (const queue of queues) queue.failed()
    },
  }
}
