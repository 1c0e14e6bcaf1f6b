import { type QueueChange, submitChange } from "../queue/change.ts"
import { type Effect, put, type View } from "../store/database.ts"
import { type ClientState, decodeClientState, encodeClientState } from "./client-state.ts"
import type { QsParts } from "./parts.ts"
import { removeClients } from "./removal.ts"
import { type ClientRow, clients } from "./tables.ts"

/**
 * The monthly sweep, which takes one sweep from what each client has left, and removes those that have none: they were
 * not seen for the retention time, in whole calendar months. No time is kept for it, only a count that is the same for all
 * clients that were last seen in the same month; and it is sealed, so that after a sweep all records have changed, and
 * none shows anything.
 */
export class ClientSweep {
  readonly #parts: QsParts
  /** The month whose sweep was completed by this process. */
  #swept: number | undefined

  constructor(parts: QsParts) {
    this.#parts = parts
  }

  /** To be called about once a day: the first call in a month, or in a process, does something. */
  async run(): Promise<void> {
    const { store, month } = this.#parts
    const current = month()
    if (this.#swept === current) return
    await store.walk(clients, async (rows) => {
      const ids = rows.filter((row) => isDue(row, current)).map(({ id }) => id)
      if (ids.length > 0) await submitChange(store.writer, (view) => this.#sweep(view, ids, current))
    })
    this.#swept = current
  }

  #sweep(view: View, ids: readonly Uint8Array[], current: number): QueueChange {
    const kept: Effect[] = []
    const gone: Uint8Array[] = []
    for (const id of ids) {
      const row = view.get(clients, { id })
      if (row === undefined) continue
      const next = this.#next(row, current)
      if (next === undefined) gone.push(id)
      else kept.push(put(clients, { ...row, state: encodeClientState(next) }))
    }
    const removal = removeClients(this.#parts.engine, view, gone)
    return { ...removal, effects: [...kept, ...removal.effects] }
  }

  /** A stream that has been open since last month is a client that is there. */
  #next(row: ClientRow, current: number): ClientState | undefined {
    const { engine, states } = this.#parts
    const state = decodeClientState(row.state)
    return engine.isStreaming(row.id) ? states.seen(state, current) : states.swept(state, current)
  }
}

/** A second sweep in the same month, or one after a crash, finds what is left to do. */
function isDue({ state }: ClientRow, current: number): boolean {
  return decodeClientState(state).month !== current
}
