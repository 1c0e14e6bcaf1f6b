import { BLOCKED_GROUPS_MAX } from "../limits.ts"
import { put } from "../store/database.ts"
import { equal, includesBytes } from "../wire/bytes.ts"
import type { Handlers } from "../wire/call.ts"
import { Problem } from "../wire/problem.ts"
import type { blocks as operations } from "../wire/qs/blocks.ts"
import { decodeClientState, encodeClientState, groupHash } from "./client-state.ts"
import type { QsParts } from "./parts.ts"
import { clients } from "./tables.ts"

/** The block list (docs/protocol.md section 6.1). Repetitions change nothing. */
export function blockHandlers(parts: QsParts): Handlers<typeof operations> {
  const { authentication } = parts
  return {
    async blockGroup(call) {
      const { id, params } = authentication.client(call)
      await changeList(parts, id, params.groupId, (blocked, hash) => {
        if (includesBytes(blocked, hash)) return blocked
        if (blocked.length >= BLOCKED_GROUPS_MAX) throw new Problem("qs.too-many-blocked-groups")
        return [...blocked, hash]
      })
      return {}
    },

    async unblockGroup(call) {
      const { id, params } = authentication.client(call)
      await changeList(parts, id, params.groupId, (blocked, hash) => {
        return blocked.filter((other) => !equal(other, hash))
      })
      return {}
    },
  }
}

async function changeList(
  { blockLists, crypto, store }: QsParts,
  id: Uint8Array,
  groupId: Uint8Array,
  change: (blocked: readonly Uint8Array[], hash: Uint8Array) => readonly Uint8Array[],
): Promise<void> {
  await store.writer.submit({
    expects: [],
    effects: (view) => {
      const row = view.get(clients, { id })
      if (row === undefined) throw new Problem("auth.refused")
      const state = decodeClientState(row.state)
      const blocked = change(state.blocked, groupHash(crypto, state.blockSalt, groupId))
      if (blocked.length === state.blocked.length) return []
      blockLists.forget(id)
      return [put(clients, { ...row, state: encodeClientState({ ...state, blocked }) })]
    },
    failed: () => blockLists.forget(id),
  })
}
