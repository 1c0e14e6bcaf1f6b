import type { ClientContext } from "./context.ts"
import { GroupSession } from "./group-session.ts"
import { names } from "./record-store.ts"

/** The groups of a client: one session per group id, whether or not the client is a member of it. */
export class Sessions {
  readonly #context: ClientContext
  readonly #sessions = new Map<string, GroupSession>()

  private constructor(context: ClientContext) {
    this.#context = context
  }

  static async load(context: ClientContext): Promise<Sessions> {
    const sessions = new Sessions(context)
    for (const id of await names(context.store, "group/")) {
      sessions.#sessions.set(id, await GroupSession.load(context, id))
    }
    return sessions
  }

  get(id: string): GroupSession {
    const known = this.#sessions.get(id)
    if (known !== undefined) return known
    const session = GroupSession.unknown(this.#context, id)
    this.#sessions.set(id, session)
    return session
  }

  /** Those that the client is a member of. */
  all(): GroupSession[] {
    return [...this.#sessions.values()].filter(({ current }) => current !== undefined)
  }

  /** Forgets a session that came to nothing, so that foreign group ids do not pile up. */
  drop(id: string): void {
    if (this.#sessions.get(id)?.current === undefined) this.#sessions.delete(id)
  }
}
