import type { Truth } from "../../../src/audit/truth.ts"
import { toHex } from "../../../src/wire/bytes.ts"
import type { Circle } from "./circle.ts"
import type { Resident } from "./resident.ts"

/** Who is there, in which groups, under which aliases; and what is gone. */
export class Census {
  readonly circles = new Map<number, Circle>()
  /** Whose alias is registered. */
  readonly aliases = new Set<Resident>()
  /** What the server's files held of accounts, aliases and groups that were deleted. */
  readonly gone: Uint8Array[] = []
  readonly #registered: Resident[] = []
  readonly #departed = new Set<Resident>()

  enter(person: Resident): void {
    this.#registered.push(person)
  }

  depart(person: Resident): void {
    this.#departed.add(person)
    this.gone.push(...person.traces)
  }

  forgetAlias(person: Resident): void {
    this.aliases.delete(person)
    this.gone.push(person.aliasHash)
  }

  forgetCircle(group: number, { id }: Circle): void {
    this.circles.delete(group)
    this.gone.push(id)
  }

  isThere(person: Resident): boolean {
    return !this.#departed.has(person)
  }

  /** In the order in which they came. */
  get people(): Resident[] {
    return this.#registered.filter((person) => this.isThere(person))
  }

  /** Ids of users and groups. */
  get ids(): Uint8Array[] {
    const users = this.people.map(({ clientId }) => clientId.subarray(0, 16))
    return [...users, ...[...this.circles.values()].map(({ id }) => id)]
  }

  get who(): Omit<Truth, "entries"> {
    const people = (some: readonly Resident[]) => some.filter((person) => this.isThere(person))
    return {
      groups: [...this.circles.values()].map(({ members }) =>
        people(members).map(({ queue }) => toHex(queue.client)),
      ),
      pseudonyms: this.people.map(({ userId, queue }) => [userId, toHex(queue.client)]),
      aliases: [...this.aliases].map(({ aliasHash, userId }) => [toHex(aliasHash), userId]),
    }
  }
}
