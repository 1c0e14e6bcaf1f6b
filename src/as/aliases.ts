import { ID_BYTES } from "../limits.ts"
import type { View } from "../store/database.ts"
import { verifyAliasPackage } from "../wire/alias-package.ts"
import type { aliases as endpoints } from "../wire/as/aliases.ts"
import { equal } from "../wire/bytes.ts"
import type { Handlers } from "../wire/call.ts"
import { CredentialError } from "../wire/credentials.ts"
import type { Params } from "../wire/endpoint.ts"
import { Problem } from "../wire/problem.ts"
import { AliasAuthentication, stillRegistered } from "./alias-authentication.ts"
import { changePackages, packagesOf, removeAlias, shelfOfAlias } from "./alias-packages.ts"
import { claimPackage } from "./claims.ts"
import { addPackages, type CheckedPackages, checkEach, isValid, type StoredPackage } from "./packages.ts"
import type { AsParts } from "./parts.ts"
import { enqueueInto } from "./queues.ts"
import { type AliasRow, aliases, queues } from "./tables.ts"

/** Aliases with their connection packages and connection queues (docs/protocol.md sections 4.3 and 4.5). */
export function aliasHandlers(parts: AsParts): Handlers<typeof endpoints> {
  const { crypto, engine, store, seconds, change, changeQueues } = parts
  const authentication = new AliasAuthentication(crypto, store)
  const isUsable = (row: StoredPackage) => isValid(row, seconds())
  return {
    async registerAlias(call) {
      const { alias, params } = authentication.newAlias(call)
      const { authKey, queueKey } = params
      const packages = checkPackages(parts, alias, authKey, params.connectionPackages)
      const queue = crypto.random(ID_BYTES)
      const record = engine.newRecord(queue, queueKey)
      await change((view) => {
        const registered = view.get(aliases, { alias })
        if (registered === undefined) {
          const row = { alias, auth_key: authKey, queue, packages: new Uint8Array(0) }
          return [record, ...changePackages(row, [], packages)]
        }
        if (isRepetition(view, registered, params)) return []
        throw new Problem("as.alias-exists")
      })
      return {}
    },

    async deleteAlias(call) {
      const { registered } = authentication.alias(call)
      await changeQueues((view) => {
        const row = stillRegistered(view, registered)
        const removed = engine.remove(view, row.queue)
        return { ...removed, effects: [...removeAlias(row), ...removed.effects] }
      })
      return {}
    },

    async publishAliasConnectionPackages(call) {
      const { registered, params } = authentication.alias(call)
      const { alias, auth_key } = registered
      const added = checkPackages(parts, alias, auth_key, params.connectionPackages)
      await change((view) => {
        const row = stillRegistered(view, registered)
        const { removed, fresh } = addPackages(packagesOf(view, row), added, isUsable)
        return changePackages(row, removed, fresh)
      })
      return {}
    },

    async claimAliasConnectionPackage({ alias }) {
      return { connectionPackage: await claimPackage(parts, shelfOfAlias(alias), isUsable) }
    },

    async enqueueAlias({ alias, message }) {
      const registered = store.get(aliases, { alias })
      if (registered === undefined) throw new Problem("as.unknown-queue")
      await enqueueInto(parts, registered.queue, message)
      return {}
    },

    async dequeueAlias(call) {
      const { registered, params } = authentication.alias(call)
      const result = await engine.dequeue(registered.queue, params)
      if (result === undefined) throw new Problem("auth.refused")
      return result
    },
  }
}

/** Somebody whose answer was lost registers again, with the same keys; the packages may have been claimed since. */
function isRepetition(
  view: View,
  registered: AliasRow,
  params: Params<typeof endpoints.registerAlias>,
): boolean {
  const queueKey = view.get(queues, { id: registered.queue })?.queue_key
  return (
    equal(registered.auth_key, params.authKey) && queueKey !== undefined && equal(queueKey, params.queueKey)
  )
}

/** @throws Problem as.invalid-connection-package */
function checkPackages(
  { crypto, seconds }: AsParts,
  alias: Uint8Array,
  authKey: Uint8Array,
  bodies: readonly Uint8Array[],
): CheckedPackages {
  return checkEach(bodies, (body) => {
    const aliasPackage = verifyAliasPackage(crypto, alias, body, seconds())
    if (!equal(aliasPackage.authKey, authKey)) throw new CredentialError("wrong-key")
  })
}
