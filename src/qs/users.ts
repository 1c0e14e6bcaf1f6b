import { ID_BYTES } from "../limits.ts"
import type { View } from "../store/database.ts"
import { equal } from "../wire/bytes.ts"
import type { Handlers } from "../wire/call.ts"
import type { Params } from "../wire/endpoint.ts"
import { Problem } from "../wire/problem.ts"
import type { users as operations } from "../wire/qs/users.ts"
import type { QsParts } from "./parts.ts"
import { clientsOf, putUser, userOfToken } from "./store.ts"
import { clients, queues, users } from "./tables.ts"

type Registration = Params<typeof operations.createUser>

/** Pseudonymous users (PROTOCOL.md section 6.1). */
export function userHandlers({ crypto, engine, change }: QsParts): Handlers<typeof operations> {
  return {
    /** A repetition with the same keys, by a client that lost the answer, gets the same answer. */
    async createUser(params) {
      let result = { user: crypto.random(ID_BYTES), client: crypto.random(ID_BYTES) }
      const record = engine.newRecord(result.client, params.queueKey)
      await change((view) => {
        const existing = userOfToken(view, params.friendshipTokenHash)
        if (existing === undefined) return [...putUser({ ...result, ...params }), record]
        result = { user: existing, client: sameClient(view, existing, params) }
        return []
      })
      return result
    },
  }
}

/** The client of a user that was registered with exactly these parameters. @throws Problem `qs.token-taken` */
function sameClient(view: View, user: Uint8Array, params: Registration): Uint8Array {
  const [client, ...others] = clientsOf(view, user)
  const registered = view.get(users, { id: user })
  if (client === undefined || registered === undefined || others.length > 0)
    throw new Problem("qs.token-taken")
  const authKey = view.get(clients, { id: client })?.auth_key
  const queueKey = view.get(queues, { id: client })?.queue_key
  const same =
    equal(registered.auth_key, params.userAuthKey) &&
    authKey !== undefined &&
    equal(authKey, params.clientAuthKey) &&
    queueKey !== undefined &&
    equal(queueKey, params.queueKey)
  if (!same) throw new Problem("qs.token-taken")
  return client
}
