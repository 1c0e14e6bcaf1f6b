import { Client, type ClientEvent, type DurableStore, type Group, indexedDbStore } from "../client/index.ts"
import { utf8 } from "../wire/bytes.ts"
import type { Notes } from "./notes.ts"

export const names = ["Ada", "Ben", "Cleo"] as const
export type Name = (typeof names)[number]

/** Something that a person saw happen, or said. `user`: who, by user id. */
export interface Line {
  readonly kind: "message" | "connected" | "joined" | "removed" | "left"
  readonly user: string
  readonly text: string
}

/** What a person keeps of what happened; `last` is the number of the last event that is in it. */
interface Diary {
  readonly last: number
  readonly lines: readonly Line[]
}

const LINES_MAX = 200
/** Shorter than usual, because somebody waits. */
const SPREAD_MILLISECONDS = 150
const PATIENCE_MILLISECONDS = 30_000

/** One person: a client with a store of its own in IndexedDB, and a diary. */
export class Person {
  readonly name: Name
  readonly client: Client
  readonly #store: DurableStore
  readonly #notes: Notes
  readonly #changed: () => void
  readonly #waiting = new Set<() => void>()
  #diary: Diary

  private constructor(
    name: Name,
    parts: {
      readonly client: Client
      readonly store: DurableStore
      readonly notes: Notes
      readonly diary: Diary
    },
    changed: () => void,
  ) {
    this.name = name
    this.client = parts.client
    this.#store = parts.store
    this.#notes = parts.notes
    this.#diary = parts.diary
    this.#changed = changed
  }

  /** Registers, or goes on with what is in the browser. Throws ClientError. */
  static async start(name: Name, notes: Notes, changed: () => void): Promise<Person> {
    const store = await indexedDbStore(`cinder-demo/${name}`)
    try {
      const client = await Client.create({
        url: location.origin,
        store,
        displayName: name,
        spreadMilliseconds: SPREAD_MILLISECONDS,
        patienceMilliseconds: PATIENCE_MILLISECONDS,
      })
      const diary = await notes.read<Diary>(`diary of ${name}`, { last: -1, lines: [] })
      const person = new Person(name, { client, store, notes, diary }, changed)
      client.onEvent((event) => person.#handle(event))
      return person
    } catch (error) {
      await store.close()
      throw error
    }
  }

  get lines(): readonly Line[] {
    return this.#diary.lines
  }

  get group(): Group | undefined {
    return this.client.groups()[0]
  }

  async say(text: string): Promise<void> {
    await this.group?.send(utf8(text))
    await this.#note({ kind: "message", user: this.client.userId, text }, this.#diary.last)
  }

  /** Resolves when it holds; looks again after each event. */
  async until(holds: () => boolean | Promise<boolean>): Promise<void> {
    for (;;) {
      const event = new Promise<void>((resolve) => this.#waiting.add(resolve))
      if (await holds()) return
      await event
    }
  }

  /** Takes the account off the server if it answers, and in any case everything out of the browser. */
  async forget(): Promise<void> {
    await this.client.deleteAccount().catch(() => this.client.close())
    await this.#store.destroy()
  }

  async #handle(event: ClientEvent): Promise<void> {
    if (event.number <= this.#diary.last) return
    if (event.type === "connection-request") await event.accept()
    await this.#note(lineOf(event), event.number)
  }

  async #note(line: Line | undefined, last: number): Promise<void> {
    const lines = line === undefined ? this.lines : [...this.lines, line].slice(-LINES_MAX)
    this.#diary = { last, lines }
    await this.#notes.write(`diary of ${this.name}`, this.#diary)
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
    this.#changed()
  }
}

function lineOf(event: ClientEvent): Line | undefined {
  switch (event.type) {
    case "message":
      return { kind: "message", user: event.sender, text: new TextDecoder().decode(event.bytes) }
    case "connected":
    case "removed":
      return { kind: event.type, user: event.user, text: "" }
    case "joined":
      return { kind: "joined", user: event.by, text: "" }
    case "left":
      return { kind: "left", user: event.by ?? "", text: "" }
    default:
      return undefined
  }
}
