import { CONNECTION_PACKAGES_MAX } from "../limits.ts"
import type { connections } from "../wire/as/connections.ts"
import type { Handlers } from "../wire/call.ts"
import { decodeConnectionPackage } from "../wire/connection.ts"
import { Problem } from "../wire/problem.ts"
import { claimPackage } from "./claims.ts"
import { putClientPackages, removeClientPackage, shelfOfUser } from "./client-packages.ts"
import { addPackages, checkPackages, isValid, type StoredPackage } from "./packages.ts"
import type { AsParts } from "./parts.ts"
import { enqueueInto } from "./queues.ts"
import { clientKey, clients, packages } from "./tables.ts"

/** Connection packages and connection queues of clients (docs/protocol.md section 4.3). */
export function connectionHandlers(parts: AsParts): Handlers<typeof connections> {
  const { crypto, engine, authority, authentication, seconds, change } = parts
  /** Whether whoever claims a package could use it: it is valid now, and its owner is not revoked. */
  const isUsable = (row: StoredPackage) =>
    isValid(row, seconds()) && authority.isAccepted(decodeConnectionPackage(row.body).clientCredential)
  return {
    async publishConnectionPackages(call) {
      const { clientId, credential, params } = authentication.client(call)
      const added = checkPackages(crypto, credential, params.connectionPackages, seconds())
      const key = clientKey(clientId)
      let left = 0
      await change((view) => {
        // Its account may be deleted in the same moment, and nothing may stay behind.
        if (view.get(clients, key) === undefined) throw new Problem("auth.refused")
        const stored = view.list(packages, key, CONNECTION_PACKAGES_MAX)
        const addition = addPackages(stored, added, isUsable)
        left = addition.left
        return [
          ...addition.removed.map(removeClientPackage),
          ...putClientPackages(crypto, key, addition.fresh),
        ]
      })
      return { left }
    },

    async claimConnectionPackage({ user }) {
      return { connectionPackage: await claimPackage(parts, shelfOfUser(user), isUsable) }
    },

    async enqueue({ client, message }) {
      await enqueueInto(parts, client, message)
      return {}
    },

    async dequeue(call) {
      const { clientId, params } = authentication.client(call)
      const result = await engine.dequeue(clientId, params)
      if (result === undefined) throw new Problem("auth.refused")
      return result
    },
  }
}
