import { type QueueChange, submitChange } from "../queue/change.ts"
import { type Effect, put, type View } from "../store/database.ts"
import type { ClientState } from "./client-state.ts"
import type { QsParts } from "./parts.ts"
import { removeClients } from "./removal.ts"
import { type ClientRow, clients } from "./tables.ts"

/** Clients that are swept before others get their turn. */
const CLIENTS_PER_UNIT = 64

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
    let rows = store.list(clients, {}, CLIENTS_PER_UNIT)
    while (rows.length > 0) {
      const ids = rows.filter((row) => this.#isDue(row, current)).map(({ id }) => id)
      if (ids.length > 0) await submitChange(store.writer, (view) => this.#sweep(view, ids, current))
      rows = store.list(clients, {}, CLIENTS_PER_UNIT, { id: (rows.at(-1) as ClientRow).id })
    }
    this.#swept = current
  }

  /** Seals all records anew, so that they change whether or not anything about their clients did. */
  async sealAnew(): Promise<void> {
    const { store, states } = this.#parts
    const sealed = (row: ClientRow): Effect =>
      put(clients, { ...row, state: states.seal(row.id, states.open(row)) })
    let rows = store.list(clients, {}, CLIENTS_PER_UNIT)
    while (rows.length > 0) {
      const ids = rows.map(({ id }) => id)
      const effects = (view: View) => ids.flatMap((id) => view.get(clients, { id }) ?? []).map(sealed)
      await store.writer.submit({ expects: [], effects })
      rows = store.list(clients, {}, CLIENTS_PER_UNIT, { id: ids.at(-1) as Uint8Array })
    }
  }

  /** A second sweep in the same month, or one after a crash, finds what is left to do. */
  #isDue(row: ClientRow, current: number): boolean {
    return this.#parts.states.open(row).month !== current
  }

  #sweep(view: View, ids: readonly Uint8Array[], current: number): QueueChange {
    const kept: Effect[] = []
    const gone: Uint8Array[] = []
    for (const id of ids) {
      const row = view.get(clients, { id })
      if (row === undefined) continue
      const next = this.#next(row, current)
      if (next === undefined) gone.push(id)
      else kept.push(put(clients, { ...row, state: this.#parts.states.seal(id, next) }))
    }
    const removal = removeClients(this.#parts.engine, view, gone)
    return { ...removal, effects: [...kept, ...removal.effects] }
  }

  /** A stream that has been open since last month is a client that is there. */
  #next(row: ClientRow, current: number): ClientState | undefined {
    const { engine, states } = this.#parts
    const state = states.open(row)
    return engine.isStreaming(row.id) ? states.seen(state, current) : states.swept(state, current)
  }
}
