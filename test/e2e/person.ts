import { Client } from "../../src/client/client.ts"
import type { ClientEvent } from "../../src/client/client-event.ts"
import type { Group } from "../../src/client/group.ts"
import { type ClientStore, memoryStore } from "../../src/client/store.ts"
import type { Fetch } from "../../src/client/transport.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import type { CryptoProvider } from "../../src/crypto/provider.ts"
import { fromUtf8, utf8 } from "../../src/wire/bytes.ts"

export interface PersonOptions {
  readonly url: string
  readonly displayName?: string
  readonly invitation?: string
  readonly store?: ClientStore
  readonly crypto?: CryptoProvider
  readonly fetch?: Fetch
  readonly webSocket?: (url: URL) => WebSocket
  readonly patienceMilliseconds?: number
  readonly now?: () => number
}

/** A text message as it arrived. */
export interface Heard {
  readonly group: string
  readonly sender: string
  readonly text: string
}

/** A person with one client, who accepts every connection and remembers every event once. */
export class Person {
  readonly store: ClientStore
  readonly events: ClientEvent[] = []
  readonly #options: PersonOptions
  readonly #seen = new Set<number>()
  readonly #waiting = new Set<() => void>()
  #client: Client | undefined

  private constructor(options: PersonOptions) {
    this.#options = options
    this.store = options.store ?? memoryStore()
  }

  static async register(options: PersonOptions): Promise<Person> {
    const person = new Person(options)
    await person.start()
    return person
  }

  get client(): Client {
    if (this.#client === undefined) throw new Error("not started")
    return this.#client
  }

  get user(): string {
    return this.client.userId
  }

  /** The one group that this person is in. */
  get group(): Group {
    const [group] = this.client.groups()
    if (group === undefined) throw new Error("not in a group")
    return group
  }

  async start(): Promise<void> {
    const { url, displayName = "", crypto = nativeCrypto, invitation, fetch, webSocket, now } = this.#options
    const { patienceMilliseconds = 30_000 } = this.#options
    this.#client = await Client.create({
      url,
      store: this.store,
      crypto,
      displayName,
      spreadMilliseconds: 0,
      patienceMilliseconds,
      ...(now === undefined ? {} : { now }),
      ...(invitation === undefined ? {} : { invitation }),
      ...(fetch === undefined ? {} : { fetch }),
      ...(webSocket === undefined ? {} : { webSocket }),
    })
    this.#client.onEvent(async (event) => {
      if (this.#seen.has(event.number)) return
      this.#seen.add(event.number)
      this.events.push(event)
      for (const wake of this.#waiting) wake()
      if (event.type === "connection-request") await event.accept()
    })
  }

  async stop(): Promise<void> {
    await this.client.close()
  }

  /** Waits until `holds` says so of what this person has seen. */
  async until(holds: (person: Person) => boolean): Promise<void> {
    while (!holds(this)) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake)
          resolve()
        }
        this.#waiting.add(wake)
      })
    }
  }

  heard(): Heard[] {
    return this.events.flatMap((event) =>
      event.type === "message"
        ? [{ group: event.group, sender: event.sender, text: fromUtf8(event.bytes) }]
        : [],
    )
  }

  async untilHeard(text: string, times = 1): Promise<void> {
    await this.until((person) => person.heard().filter((heard) => heard.text === text).length >= times)
  }

  async say(text: string, group: Group = this.group): Promise<void> {
    await group.send(utf8(text))
  }
}

/** Makes contacts of two people. */
export async function befriend(initiator: Person, responder: Person): Promise<void> {
  const connected = (person: Person, other: Person): boolean =>
    person.events.some((event) => event.type === "connected" && event.user === other.user)
  await initiator.client.connect(responder.user)
  await responder.client.pollConnectionRequests()
  await responder.until((person) => connected(person, initiator))
  await initiator.until((person) => connected(person, responder))
}

/** The first makes a group with the others, who are its contacts; resolves when all are in one epoch. */
export async function gather(host: Person, guests: readonly Person[]): Promise<Group> {
  const group = await host.client.createGroup()
  for (const guest of guests) {
    await group.add(guest.user)
    await guest.until(({ client }) => client.groups().some(({ id }) => id === group.id))
  }
  await Promise.all(
    guests.map((guest) => guest.until(({ client }) => client.group(group.id).epoch === group.epoch)),
  )
  return group
}

/** Registers people, makes them the first one's contacts, and gathers them in a group. */
export async function party(options: readonly PersonOptions[]): Promise<[Person, ...Person[]]> {
  const [host, ...guests] = await Promise.all(options.map(Person.register))
  if (host === undefined) throw new Error("nobody")
  for (const guest of guests) await befriend(host, guest)
  await gather(host, guests)
  return [host, ...guests]
}
