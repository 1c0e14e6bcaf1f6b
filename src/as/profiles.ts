import { PROFILE_BYTES, PROFILE_PART_BYTES } from "../limits.ts"
import { type Effect, put } from "../store/database.ts"
import type { profiles as endpoints } from "../wire/as/profiles.ts"
import { concat } from "../wire/bytes.ts"
import type { Handlers } from "../wire/call.ts"
import { Problem } from "../wire/problem.ts"
import type { AsParts } from "./parts.ts"
import { clientKey, clients, profiles } from "./tables.ts"

export const PROFILE_PARTS = PROFILE_BYTES / PROFILE_PART_BYTES

/** Encrypted profiles of users (docs/protocol.md section 4.3). */
export function profileHandlers({ authentication, change, store }: AsParts): Handlers<typeof endpoints> {
  return {
    async updateUserProfile(call) {
      const { clientId, params } = authentication.client(call)
      const key = clientKey(clientId)
      await change((view) => {
        if (view.get(clients, key) === undefined) throw new Problem("auth.refused")
        return putProfile(key.user, params.profile)
      })
      return {}
    },

    async fetchUserProfile({ user }) {
      const parts = store.list(profiles, { user }, PROFILE_PARTS)
      if (parts.length < PROFILE_PARTS) throw new Problem("as.unknown-user")
      return { profile: concat(...parts.map(({ body }) => body)) }
    },
  }
}

/** Stores a profile of {@link PROFILE_BYTES}, or as many random bytes for a user who has set none. */
export function putProfile(user: Uint8Array, profile: Uint8Array): Effect[] {
  return Array.from({ length: PROFILE_PARTS }, (_, part) => {
    const body = profile.subarray(part * PROFILE_PART_BYTES, (part + 1) * PROFILE_PART_BYTES)
    return put(profiles, { user, part, body })
  })
}
