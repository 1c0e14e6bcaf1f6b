import { CONNECTION_PACKAGES_MAX } from "../limits.ts"
import type { connections } from "../wire/as/connections.ts"
import type { Handlers } from "../wire/call.ts"
import { Problem } from "../wire/problem.ts"
import { addPackages, type Claim, checkPackages, choosePackage, PACKAGES_PER_USER_MAX } from "./packages.ts"
import type { AsParts } from "./parts.ts"
import { clientKey, clients, packages } from "./tables.ts"

/** Connection packages and connection queues of clients (PROTOCOL.md section 4.3). */
export function connectionHandlers(parts: AsParts): Handlers<typeof connections> {
  const { crypto, engine, store, authentication, seconds, change, changeQueues } = parts
  return {
    async publishConnectionPackages(call) {
      const { clientId, credential, params } = authentication.client(call)
      const added = checkPackages(crypto, credential, params.connectionPackages, seconds())
      const key = clientKey(clientId)
      await change((view) => {
        // Its account may be deleted in the same moment, and nothing may stay behind.
        if (view.get(clients, key) === undefined) throw new Problem("auth.refused")
        const stored = view.list(packages, key, CONNECTION_PACKAGES_MAX)
        return addPackages(crypto, key, stored, added, seconds())
      })
      return {}
    },

    async claimConnectionPackage({ user }) {
      if (store.list(packages, { user }, 1).length === 0) throw new Problem("as.no-connection-package")
      const claimed: Claim[] = []
      await change((view) => {
        const claim = choosePackage(crypto, view.list(packages, { user }, PACKAGES_PER_USER_MAX), seconds())
        if (claim === undefined) throw new Problem("as.no-connection-package")
        claimed.push(claim)
        return claim.effects
      })
      const [claim] = claimed as [Claim]
      return { connectionPackage: claim.body }
    },

    async enqueue({ client, message }) {
      if (!engine.exists(client)) throw new Problem("as.unknown-queue")
      await changeQueues((view) => engine.enqueue(view, [{ queue: client, message }]))
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
