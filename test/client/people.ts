import { Client } from "../../src/client/client.ts"
import type { ClientEvent } from "../../src/client/client-event.ts"
import type { ClientOptions } from "../../src/client/options.ts"
import { type ClientStore, memoryStore } from "../../src/client/store.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { fromUtf8, utf8 } from "../../src/wire/bytes.ts"

export type PersonOptions = Partial<
  Pick<
    ClientOptions,
    | "store"
    | "fetch"
    | "webSocket"
    | "crypto"
    | "password"
    | "invitation"
    | "patienceMilliseconds"
    | "upkeepMilliseconds"
    | "now"
    | "receiptMilliseconds"
    | "deliveryReceipts"
  >
>

/** A person with one client, who remembers every event, by number, as a careful application does. */
export class Person {
  readonly name: string
  readonly store: ClientStore
  readonly events: ClientEvent[] = []
  readonly #server: { readonly url: string }
  readonly #surroundings: Omit<PersonOptions, "store">
  #client: Client | undefined
  readonly #seen = new Set<number>()
  readonly #waiting = new Set<() => void>()

  private constructor(
    server: { readonly url: string },
    name: string,
    { store = memoryStore(), ...surroundings }: PersonOptions,
  ) {
    this.#server = server
    this.#surroundings = surroundings
    this.name = name
    this.store = store
  }

  static async register(
    server: { readonly url: string },
    name: string,
    options: PersonOptions = {},
  ): Promise<Person> {
    const person = new Person(server, name, options)
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

  async start(): Promise<void> {
    this.#client = await Client.create({
      url: this.#server.url,
      store: this.store,
      crypto: nativeCrypto,
      displayName: this.name,
      spreadMilliseconds: 0,
      patienceMilliseconds: 30_000,
      ...this.#surroundings,
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

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** Waits until `holds` says so of what this person has seen. */
  async until(holds: (person: Person) => boolean): Promise<void> {
    while (!holds(this)) await new Promise<void>((resolve) => this.#waiting.add(resolve))
  }

  /** `sender: text` of every message, in the order of arrival. */
  heard(): string[] {
    return this.events.flatMap((event) =>
      event.type === "message" ? [`${event.sender}: ${fromUtf8(event.bytes)}`] : [],
    )
  }

  has(type: ClientEvent["type"], count = 1): boolean {
    return this.events.filter((event) => event.type === type).length >= count
  }

  async say(text: string): Promise<void> {
    const [group] = this.client.groups()
    if (group === undefined) throw new Error("not in a group")
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

/** Alice and Bob, who are friends, in a group that she made. */
export async function aliceAndBob(server: { readonly url: string }) {
  const alice = await Person.register(server, "alice")
  const bob = await Person.register(server, "bob")
  await befriend(alice, bob)
  const group = await alice.client.createGroup()
  await group.add(bob.user)
  await bob.until((person) => person.has("joined"))
  return { alice, bob }
}
