import { CLIENTS_PER_USER_MAX, CONNECTION_PACKAGES_MAX } from "../limits.ts"
import type { QueueEngine } from "../queue/engine.ts"
import type { connections } from "../wire/as/connections.ts"
import type { Handlers } from "../wire/call.ts"
import { Problem } from "../wire/problem.ts"
import { addPackages, type Claim, checkPackages, choosePackage, isUsable } from "./packages.ts"
import type { AsParts } from "./parts.ts"
import { clientKey, type PackageRow, packages } from "./tables.ts"

const PACKAGES_PER_USER_MAX = CLIENTS_PER_USER_MAX * CONNECTION_PACKAGES_MAX

/** Connection packages and connection queues of clients (PROTOCOL.md section 4.3). */
export function connectionHandlers(parts: AsParts): Handlers<typeof connections> {
  const { crypto, engine, store, authority, authentication, seconds, change } = parts
  const usable = (row: PackageRow) => isUsable(row, authority, seconds())
  return {
    async publishConnectionPackages(call) {
      const { clientId, credential, params } = authentication.client(call)
      const added = checkPackages(crypto, credential, params.connectionPackages, seconds())
      const key = clientKey(clientId)
      let left = 0
      await change((view) => {
        const stored = view.list(packages, key, CONNECTION_PACKAGES_MAX)
        const result = addPackages(crypto, key, stored, added, usable)
        left = result.left
        return result.effects
      })
      return { left }
    },

    async claimConnectionPackage({ user }) {
      if (store.list(packages, { user }, 1).length === 0) throw new Problem("as.no-connection-package")
      const claimed: Claim[] = []
      await change((view) => {
        const stored = view.list(packages, { user }, PACKAGES_PER_USER_MAX)
        const claim = choosePackage(crypto, stored, usable)
        if (claim === undefined) throw new Problem("as.no-connection-package")
        claimed.push(claim)
        return claim.effects
      })
      const [claim] = claimed as [Claim]
      return { connectionPackage: claim.body }
    },

    async enqueue({ client, message }) {
      if (!engine.exists(client)) throw new Problem("as.unknown-queue")
      let enqueued: ReturnType<QueueEngine["enqueue"]> | undefined
      await store.writer.submit({
        expects: [],
        effects: (view) => {
          enqueued = engine.enqueue(view, [{ queue: client, message }])
          return enqueued.effects
        },
        committed: () => enqueued?.committed(),
        failed: () => enqueued?.failed(),
      })
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
