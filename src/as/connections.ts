import { CONNECTION_PACKAGES_MAX } from "../limits.ts"
import type { connections } from "../wire/as/connections.ts"
import type { Handlers } from "../wire/call.ts"
import { Problem } from "../wire/problem.ts"
import { claimPackage } from "./claims.ts"
import { addPackages, checkPackages } from "./packages.ts"
import type { AsParts } from "./parts.ts"
import { enqueueInto } from "./queues.ts"
import { clientKey, clients, packages } from "./tables.ts"

/** Connection packages and connection queues of clients (PROTOCOL.md section 4.3). */
export function connectionHandlers(parts: AsParts): Handlers<typeof connections> {
  const { crypto, engine, authentication, seconds, change } = parts
  return {
    async publishConnectionPackages(call) {
      const { clientId, credential, params } = authentication.client(call)
      const added = checkPackages(crypto, credential, params.connectionPackages, seconds())
      const key = clientKey(clientId)
      await change((view) => {
        // Its account may be deleted in the same moment, and nothing may stay behind.
        if (view.get(clients, key) === undefined) throw new Problem("auth.refused")
        const stored = view.list(packages, key, CONNECTION_PACKAGES_MAX)
        return addPackages(crypto, packages, key, stored, added, seconds())
      })
      return {}
    },

    async claimConnectionPackage({ user }) {
      return { connectionPackage: await claimPackage(parts, packages, { user }) }
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
