import { type Effect, put, type Store, type View } from "../store/database.ts"
import { type ClientStates, decodeClientState, encodeClientState } from "./client-state.ts"
import { type ClientRow, clients } from "./tables.ts"

/**
 * Keeps in mind which clients are still there, without a time: the first request of a client in each month gives it all
 * its sweeps back (sweep.ts), its others write nothing.
 */
export class Presence {
  readonly #store: Store
  readonly #states: ClientStates
  readonly #month: () => number

  constructor(store: Store, states: ClientStates, month: () => number) {
    this.#store = store
    this.#states = states
    this.#month = month
  }

  /**
   * A client has made itself known. Nobody waits for the note to be written, and if it cannot be, the next request makes
   * it again.
   */
  seen(row: ClientRow): void {
    if (this.#isNoted(row)) return
    const { id } = row
    this.#store.writer.submit({ expects: [], effects: (view) => this.#note(view, id) }).catch(() => undefined)
  }

  #isNoted(row: ClientRow): boolean {
    return this.#states.isSeen(decodeClientState(row.state), this.#month())
  }

  #note(view: View, id: Uint8Array): Effect[] {
    const row = view.get(clients, { id })
    if (row === undefined || this.#isNoted(row)) return []
    const state = this.#states.seen(decodeClientState(row.state), this.#month())
    return [put(clients, { ...row, state: encodeClientState(state) })]
  }
}
