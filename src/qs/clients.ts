import { CLIENTS_PER_USER_MAX, EARLIER_AUTH_KEYS_MAX, ID_BYTES } from "../limits.ts"
import { submitChange } from "../queue/change.ts"
import { type Effect, put, type View } from "../store/database.ts"
import { equal } from "../wire/bytes.ts"
import type { Handlers } from "../wire/call.ts"
import type { Params } from "../wire/endpoint.ts"
import { Problem } from "../wire/problem.ts"
import type { clients as operations } from "../wire/qs/clients.ts"
import { decodeClientState, encodeClientState } from "./client-state.ts"
import type { QsParts } from "./parts.ts"
import { removeClients } from "./removal.ts"
import { clientsOf, countNormalAddPackages, withClient } from "./store.ts"
import { clients, queues, users } from "./tables.ts"

type ClientParams = Params<typeof operations.createClient>
type ClientKeys = Pick<ClientParams, "clientAuthKey" | "queueKey">

/** Clients of a user (docs/protocol.md section 6.1). */
export function clientHandlers(parts: QsParts): Handlers<typeof operations> {
  const { authentication, crypto, engine, store, change } = parts
  return {
    /** A repetition with the same keys, by a client that lost the answer, gets the same answer. */
    async createClient(call) {
      const { id: user, params } = authentication.user(call)
      let client: Uint8Array = crypto.random(ID_BYTES)
      const created = newClient(parts, { user, client, ...params })
      await change((view) => {
        const row = view.get(users, { id: user })
        if (row === undefined) throw new Problem("auth.refused")
        const existing = clientsOf(row)
        const same = existing.find((id) => isRegisteredAs(view, id, params))
        if (same === undefined && existing.length >= CLIENTS_PER_USER_MAX)
          throw new Problem("qs.too-many-clients")
        client = same?.slice() ?? client
        return same === undefined ? [put(users, withClient(row, client)), ...created] : []
      })
      return { client }
    },

    async updateClient(call) {
      const { id, params } = authentication.client(call)
      const { clientAuthKey: auth_key, queueKey, pushToken } = params
      await change((view) => {
        const row = view.get(clients, { id })
        const queue = view.get(queues, { id })
        if (row === undefined || queue === undefined) throw new Problem("auth.refused")
        const state = decodeClientState(row.state)
        const earlierAuthKeys = [...state.earlierAuthKeys, row.auth_key]
          .filter((key) => !equal(key, auth_key))
          .slice(-EARLIER_AUTH_KEYS_MAX)
        const next = { ...state, earlierAuthKeys, pushToken: pushToken ?? undefined }
        const rekeyed = equal(queue.queue_key, queueKey) ? [] : engine.changeKey(view, id, queueKey)
        return [put(clients, { ...row, auth_key, state: encodeClientState(next) }), ...rekeyed]
      })
      return {}
    },

    async getClient(call) {
      const { id } = authentication.client(call)
      const row = store.get(clients, { id })
      const queue = store.get(queues, { id })
      if (row === undefined || queue === undefined) throw new Problem("auth.refused")
      const { pushToken, blocked } = decodeClientState(row.state)
      return {
        user: row.user_id,
        clientAuthKey: row.auth_key,
        queueKey: queue.queue_key,
        hasPushToken: pushToken !== undefined,
        addPackages: countNormalAddPackages(row),
        blockedGroups: blocked.length,
      }
    },

    async deleteClient(call) {
      const { id } = authentication.client(call)
      await submitChange(store.writer, (view) => removeClients(engine, view, [id]))
      return {}
    },

    async removeClient(call) {
      const { id: user, params } = authentication.user(call)
      const { client } = params
      await submitChange(store.writer, (view) => {
        const row = view.get(clients, { id: client })
        if (row === undefined || !equal(row.user_id, user)) throw new Problem("auth.refused")
        return removeClients(engine, view, [client])
      })
      return {}
    },
  }
}

/**
 * The rows of a client that comes into being, its queue's included. Its user's record is the caller's to change.
 *
 * @throws Problem `request.malformed`: the queue key is unusable
 */
export function newClient(
  { engine, states, month }: QsParts,
  added: ClientParams & { readonly user: Uint8Array; readonly client: Uint8Array },
): Effect[] {
  const { user, client, clientAuthKey, queueKey, pushToken } = added
  const state = encodeClientState({ ...states.first(month()), pushToken: pushToken ?? undefined })
  const add_packages = new Uint8Array(0)
  return [
    put(clients, { id: client, user_id: user, auth_key: clientAuthKey, state, add_packages }),
    engine.newRecord(client, queueKey),
  ]
}

/** Whether the client has exactly these keys. */
export function isRegisteredAs(view: View, client: Uint8Array, keys: ClientKeys): boolean {
  const authKey = view.get(clients, { id: client })?.auth_key
  const queueKey = view.get(queues, { id: client })?.queue_key
  return (
    authKey !== undefined &&
    equal(authKey, keys.clientAuthKey) &&
    queueKey !== undefined &&
    equal(queueKey, keys.queueKey)
  )
}
