import { readFileSync } from "node:fs"
import { decodeSecrets, type Secrets } from "../../src/config/secrets.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { Homeserver } from "./homeserver.ts"
import { RememberingStore } from "./loot.ts"
import { befriend, gather, Person } from "./person.ts"
import { Snapshot } from "./snapshot.ts"

/** What an attacker wants to find, and what it has: copies of the data directory from several moments. */
export interface Run {
  readonly stores: readonly RememberingStore[]
  /** Message texts and display names. */
  readonly plaintexts: readonly string[]
  readonly secrets: Secrets
  /** Unix seconds before the first and after the last request. */
  readonly began: number
  readonly ended: number
  /** All registered, nothing claimed yet; the server runs. */
  readonly registered: Snapshot
  /** Two members and one connection queue have messages waiting; the server runs. */
  readonly queued: Snapshot
  /** SIGKILL while everybody sends. */
  readonly killed: Snapshot
  /** Everything was received and acknowledged; the server runs. */
  readonly received: Snapshot
  /** After SIGTERM. */
  readonly stopped: Snapshot
}

export const phrase = (number: number): string =>
  `the ${number}th secret between us, ${"quietly ".repeat(3)}spoken`

/** Lives through a whole story, and copies the data directory again and again. */
export async function liveThrough(): Promise<Run> {
  const server = await Homeserver.start()
  try {
    return await new Story(server).run()
  } finally {
    await server.end()
  }
}

class Story {
  readonly #server: Homeserver
  readonly #stores: RememberingStore[] = []
  readonly #plaintexts: string[] = []
  readonly #people: Person[] = []

  constructor(server: Homeserver) {
    this.#server = server
  }

  async run(): Promise<Run> {
    const { data, secretsFile } = this.#server
    const began = Math.floor(Date.now() / 1000)
    const names = [
      "Ada Lovelace-Byron",
      "Ben Jonson-Marlowe",
      "Cleo Philopator",
      "Dan Deronda",
      "Eve Sedgwick",
    ]
    for (const name of names) await this.#register(name)
    const [ada, ben, cleo, dan, eve] = this.#people as [Person, Person, Person, Person, Person]
    const registered = await Snapshot.settled(data)

    for (const guest of [ben, cleo, dan]) await befriend(ada, guest)
    for (const [index, person] of [ada, ben].entries()) {
      await person.client.updateProfile({ displayName: names[index] as string })
    }
    const all = await gather(ada, [ben, cleo, dan])
    const two = await gather(ada, [ben])
    await cleo.stop()
    await dan.stop()
    for (let i = 0; i < 15; i++) {
      await this.#say(ada, all.id)
      await this.#say(ben, all.id, i * 200)
      await this.#say(ben, two.id)
    }
    await ben.client.group(all.id).update()
    await eve.client.connect(dan.user)
    const queued = await Snapshot.settled(data)

    const talking = [ada, ben].map(async (person) => {
      for (let i = 0; i < 25; i++) await this.#say(person, all.id)
    })
    const before = this.#plaintexts.length
    while (this.#plaintexts.length < before + 20) await Bun.sleep(1)
    await this.#server.kill()
    const killed = Snapshot.take(data)

    await this.#server.start()
    await Promise.all(talking)
    await cleo.start()
    await dan.start()
    await dan.client.pollConnectionRequests()
    await dan.until(({ events }) =>
      events.some((event) => event.type === "connected" && event.user === eve.user),
    )
    await eve.until(({ events }) =>
      events.some((event) => event.type === "connected" && event.user === dan.user),
    )
    await this.#say(ada, all.id)
    await this.#say(ada, two.id)
    for (const person of [ben, cleo, dan]) await person.untilHeard(this.#plaintexts.at(-2) as string)
    await ben.untilHeard(this.#plaintexts.at(-1) as string)
    const received = await this.#emptied()
    for (const person of this.#people) await person.stop()
    if ((await this.#server.stop()) !== 0) throw new Error("the server did not stop in order")
    const stopped = Snapshot.take(data)
    return {
      stores: this.#stores,
      plaintexts: [...this.#plaintexts, ...names],
      secrets: decodeSecrets(nativeCrypto, new Uint8Array(readFileSync(secretsFile))),
      began,
      ended: Math.ceil(Date.now() / 1000),
      ...{ registered, queued, killed, received, stopped },
    }
  }

  /** Acknowledgements come soon after the messages; entries that stay are for the tests to find. */
  async #emptied(): Promise<Snapshot> {
    let snapshot = await Snapshot.settled(this.#server.data)
    for (let attempt = 0; attempt < 20 && snapshot.pool("qs_pool").length > 0; attempt++) {
      snapshot = await Snapshot.settled(this.#server.data)
    }
    return snapshot
  }

  async #register(displayName: string): Promise<void> {
    const store = new RememberingStore()
    this.#stores.push(store)
    this.#people.push(await Person.register({ url: this.#server.url, displayName, store }))
  }

  async #say(person: Person, group: string, padding = 0): Promise<void> {
    const text = phrase(this.#plaintexts.length) + "!".repeat(padding)
    this.#plaintexts.push(text)
    await person.say(text, person.client.group(group))
  }
}
