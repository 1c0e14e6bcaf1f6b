import { CLIENTS_PER_USER_MAX } from "../limits.ts"
import type { View } from "../store/database.ts"
import { clients, users } from "./tables.ts"

export interface UserSummary {
  /** 16 bytes. */
  readonly user: Uint8Array
  /** How many clients there are of it. */
  readonly clients: number
}

/** Users that are looked at before others get their turn. */
const USERS_PER_STEP = 256

export async function* listUsers(view: View): AsyncGenerator<readonly UserSummary[]> {
  let rows = view.list(users, {}, USERS_PER_STEP)
  while (rows.length > 0) {
    yield rows.map(({ user }) => ({
      user,
      clients: view.list(clients, { user }, CLIENTS_PER_USER_MAX).length,
    }))
    await new Promise((resolve) => setImmediate(resolve))
    rows = view.list(users, {}, USERS_PER_STEP, { user: rows.at(-1)?.user as Uint8Array })
  }
}
