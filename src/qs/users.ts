import { ID_BYTES } from "../limits.ts"
import { submitChange } from "../queue/change.ts"
import { remove } from "../store/database.ts"
import { equal } from "../wire/bytes.ts"
import type { Handlers } from "../wire/call.ts"
import { Problem } from "../wire/problem.ts"
import type { users as operations } from "../wire/qs/users.ts"
import { isRegisteredAs, newClient } from "./clients.ts"
import type { QsParts } from "./parts.ts"
import { removeClients } from "./removal.ts"
import { clientsOf, putUser, userOfToken } from "./store.ts"
import { friendships, users } from "./tables.ts"

/** Pseudonymous users (docs/protocol.md section 6.1). */
export function userHandlers(parts: QsParts): Handlers<typeof operations> {
  const { authentication, crypto, engine, store, change } = parts
  return {
    /** A repetition with the same keys, by a client that lost the answer, gets the same answer. */
    async createUser(params) {
      const { userAuthKey, friendshipTokenHash, clientAuthKey, queueKey } = params
      let result = { user: crypto.random(ID_BYTES), client: crypto.random(ID_BYTES) }
      const row = {
        id: result.user,
        auth_key: userAuthKey,
        token_hash: friendshipTokenHash,
        clients: result.client,
      }
      const created = [
        ...putUser(row),
        ...newClient(parts, { ...result, clientAuthKey, queueKey, pushToken: null }),
      ]
      await change((view) => {
        const user = userOfToken(view, friendshipTokenHash)
        if (user === undefined) return created
        const [client, ...others] = clientsOf(user)
        const same =
          client !== undefined &&
          others.length === 0 &&
          equal(user.auth_key, userAuthKey) &&
          isRegisteredAs(view, client, params)
        if (!same) throw new Problem("qs.token-taken")
        result = { user: user.id.slice(), client: client.slice() }
        return []
      })
      return result
    },

    async updateUser(call) {
      const { id: user, params } = authentication.user(call)
      const { userAuthKey: auth_key, friendshipTokenHash: token_hash } = params
      await change((view) => {
        const current = view.get(users, { id: user })
        if (current === undefined) throw new Problem("auth.refused")
        const holder = userOfToken(view, token_hash)
        if (holder !== undefined && !equal(holder.id, user)) throw new Problem("qs.token-taken")
        return [
          remove(friendships, { token_hash: current.token_hash }),
          ...putUser({ ...current, auth_key, token_hash }),
        ]
      })
      return {}
    },

    async getUser(call) {
      const { id: user } = authentication.user(call)
      const row = store.get(users, { id: user })
      if (row === undefined) throw new Problem("auth.refused")
      return {
        userAuthKey: row.auth_key,
        friendshipTokenHash: row.token_hash,
        clients: clientsOf(row),
      }
    },

    async deleteUser(call) {
      const { id: user } = authentication.user(call)
      await submitChange(store.writer, (view) => {
        const row = view.get(users, { id: user })
        return removeClients(engine, view, row === undefined ? [] : clientsOf(row))
      })
      return {}
    },
  }
}
