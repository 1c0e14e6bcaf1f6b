import { at, change, load, names, removal } from "./record-store.ts"
import { Contact, Mark } from "./records.ts"
import type { ClientStore, StoreChange } from "./store.ts"

/** Users with whom this client has nothing to do: the own list, of which nobody is told. */
export class BlockedUsers {
  readonly #store: ClientStore
  readonly #users: Set<string>

  private constructor(store: ClientStore, users: readonly string[]) {
    this.#store = store
    this.#users = new Set(users)
  }

  static async open(store: ClientStore): Promise<BlockedUsers> {
    return new BlockedUsers(store, await names(store, "blocked/"))
  }

  /** By `uuid@domain`. */
  has(user: string): boolean {
    return this.#users.has(user)
  }

  list(): string[] {
    return [...this.#users].sort()
  }

  /** In one transaction with the other changes. */
  async add(user: string, changes: readonly StoreChange[]): Promise<void> {
    await this.#store.transaction([change(Mark, at.blocked(user), {}), ...changes])
    this.#users.add(user)
  }

  async delete(user: string): Promise<void> {
    await this.#store.transaction([removal(at.blocked(user))])
    this.#users.delete(user)
  }
}

/** A contact whom this client does not block. */
export async function contactOf(
  { store, blocked }: { readonly store: ClientStore; readonly blocked: BlockedUsers },
  user: string,
): Promise<Contact | undefined> {
  return blocked.has(user) ? undefined : await load(store, Contact, at.contact(user))
}
