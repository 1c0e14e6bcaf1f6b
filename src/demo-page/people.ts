import type { Notes } from "./notes.ts"
import { type Name, names, Person } from "./person.ts"

/** The people in this browser. */
export class People {
  readonly #notes: Notes
  readonly #changed: () => void
  readonly #people = new Map<Name, Person>()
  /** Their user ids, also of those who have not started again yet; "": not registered yet. */
  #users: Partial<Record<Name, string>> = {}

  constructor(notes: Notes, changed: () => void) {
    this.#notes = notes
    this.#changed = changed
  }

  /** Those who were here before the page was loaded again. Throws ClientError. */
  async resume(): Promise<void> {
    this.#users = await this.#notes.read("people", {})
    await Promise.all(names.filter((name) => name in this.#users).map((name) => this.#start(name)))
  }

  /** Registers somebody who is not here yet. Throws ClientError. */
  async arrive(name: Name): Promise<Person> {
    const here = this.#people.get(name)
    if (here !== undefined) return here
    await this.#know(name, "")
    return await this.#start(name)
  }

  find(name: Name): Person | undefined {
    return this.#people.get(name)
  }

  /** Somebody who must be here by now. */
  get(name: Name): Person {
    const person = this.#people.get(name)
    if (person === undefined) throw new Error(`${name} is not here`)
    return person
  }

  /** Who has a user id. */
  nameOf(user: string): string {
    return names.find((name) => this.#users[name] === user) ?? "Somebody"
  }

  /** Everybody, and whatever else the page has in the browser. */
  async forget(): Promise<void> {
    await this.#people
      .get("Ada")
      ?.group?.delete()
      .catch(() => undefined)
    await Promise.all([...this.#people.values()].map((person) => person.forget()))
    await this.#notes.destroy()
  }

  async #start(name: Name): Promise<Person> {
    const person = await Person.start(name, this.#notes, this.#changed)
    this.#people.set(name, person)
    await this.#know(name, person.client.userId)
    this.#changed()
    return person
  }

  async #know(name: Name, user: string): Promise<void> {
    this.#users = { ...this.#users, [name]: user }
    await this.#notes.write("people", this.#users)
  }
}
