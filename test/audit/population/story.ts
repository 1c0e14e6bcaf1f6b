import type { Truth } from "../../../src/audit/truth.ts"
import { Transport } from "../../../src/client/transport.ts"
import type { Secrets } from "../../../src/config/secrets.ts"
import { nativeCrypto as crypto } from "../../../src/crypto/native.ts"
import { Census } from "./census.ts"
import { Circle } from "./circle.ts"
import { entriesOf } from "./entries.ts"
import { NaiveServer } from "./naive.ts"
import { type Occurrence, type PersonalOccurrence, type Plan, WATCHED } from "./plan.ts"
import { Resident } from "./resident.ts"
import { PopulatedServer } from "./server.ts"

/** What the data of a server were at one moment, and who is who in them. */
export interface Copy {
  readonly directory: string
  /** In the ids that clients know, and the tags of entries. */
  readonly truth: Truth
  /** Tell what the rows of queues and aliases are called, where they are veiled. */
  readonly secrets?: Secrets
}

/** The same moment of the real server and of the naive one. */
export interface Moment {
  readonly name: string
  /** One of a series of copies at even distances. */
  readonly watched: boolean
  readonly last: boolean
  readonly real: Copy
  readonly naive: Copy
  /** What was deleted before: accounts, aliases and groups. */
  readonly gone: readonly Uint8Array[]
  /** Ids of users and groups who are there. */
  readonly there: readonly Uint8Array[]
}

const SECOND = 1000
/** Messages that came one after the other before the server is killed. */
const QUIET = 5
/** The log is scrubbed because it is quiet, and for no other reason. */
const LONG_DELAY = ["--scrub-delay-ms", "60000"]
/** For a scrub on a busy machine; on an idle one it begins after a few milliseconds. */
const QUIET_MILLISECONDS = 400
/** Messages that come at once, however slow the machine is, and those of them that are accepted before it is killed again. */
const LOAD = 60
const LANDED = 15
const LOAD_BYTES = 300
const LAST = "stopped"
const PATIENCE_MILLISECONDS = 120_000
/** Clients may not have acknowledged yet what they have just got. */
const ACKNOWLEDGED_MILLISECONDS = 300

/** Everything that a plan says, done at a real server over the network, and told to a naive one. */
export class Story {
  readonly #plan: Plan
  readonly #begin: number
  readonly #server: PopulatedServer
  readonly #naive: NaiveServer
  readonly #transport: Transport
  readonly #people: Resident[] = []
  readonly #census = new Census()
  #requests = 0

  private constructor(plan: Plan, server: PopulatedServer, begin: number) {
    this.#plan = plan
    this.#begin = begin
    this.#server = server
    this.#naive = new NaiveServer(server.directory)
    this.#transport = new Transport({
      url: server.url,
      crypto,
      signal: new AbortController().signal,
      patienceMilliseconds: PATIENCE_MILLISECONDS,
      fetch: (url, request) => {
        this.#requests += 1
        return fetch(url, request)
      },
    })
    this.#people = Array.from({ length: plan.people }, () => new Resident(server.url, this.#transport))
  }

  /** Tells the story, and stops at every moment at which there is a copy of the data. */
  static async *of(plan: Plan): AsyncGenerator<Moment> {
    const begin = middleOfMonth()
    await using server = new PopulatedServer(begin)
    await server.start()
    const story = new Story(plan, server, begin)
    yield* story.#tell()
    story.#naive.close()
  }

  async *#tell(): AsyncGenerator<Moment> {
    for (const occurrence of this.#plan.occurrences) {
      this.#server.clock.set(this.#begin + occurrence.at)
      if (occurrence.kind === "copy") yield await this.#copy(occurrence.name)
      else await this.#live(occurrence)
    }
    yield* this.#end()
  }

  /** Crashes, and what comes after them. */
  async *#end(): AsyncGenerator<Moment> {
    await this.#restart("SIGTERM", ...LONG_DELAY)
    for (let index = 0; index < QUIET; index++) await this.#send(index)
    await Bun.sleep(QUIET_MILLISECONDS)
    await this.#server.end("SIGKILL")
    yield await this.#copy("killed in quiet", false)
    await this.#startAgain()
    const flying = await this.#load()
    await this.#server.end("SIGKILL")
    const killed = await this.#copy("killed under load", false)
    await this.#startAgain()
    await Promise.all(flying)
    yield killed
    yield await this.#copy("started again")
    for (const person of this.#census.people) await this.#visit(person)
    await Bun.sleep(ACKNOWLEDGED_MILLISECONDS)
    yield await this.#copy("all is read")
    await Promise.all(this.#people.map((person) => person.goOffline()))
    await this.#server.end("SIGTERM")
    this.#naive.restart()
    yield await this.#copy(LAST, false)
  }

  /** Messages, some of which have been accepted. */
  async #load(): Promise<Promise<void>[]> {
    const before = this.#requests
    let landed = 0
    this.#server.freeze()
    const flying = Array.from({ length: LOAD }, async (_, index) => {
      await this.#send(index)
      landed += 1
    })
    while (this.#requests < before + LOAD) await Bun.sleep(1)
    this.#server.thaw()
    while (landed < LANDED) await Bun.sleep(1)
    return flying
  }

  /** A message of some group, which the client repeats until it is accepted. */
  async #send(index: number): Promise<void> {
    const circles = [...this.#census.circles.values()].filter(({ members }) => members.length > 2)
    const circle = circles[index % circles.length] as Circle
    const there = [...circle.members.keys()].filter((one) =>
      this.#census.isThere(circle.members[one] as Resident),
    )
    const member = there[index % there.length] as number
    const bytes = LOAD_BYTES + 7 * index
    this.#deliverNaively(circle, member, crypto.random(bytes))
    await circle.say(member, bytes)
  }

  async #live(occurrence: Exclude<Occurrence, { kind: "copy" }>): Promise<void> {
    switch (occurrence.kind) {
      case "restart":
        return await this.#restart("SIGTERM")
      case "crash":
        return await this.#restart("SIGKILL")
      case "delete-group":
        return await this.#deleteGroup(occurrence.group)
      case "gather":
        return await this.#gather(occurrence.group)
      case "say":
      case "update":
        return await this.#say(occurrence)
      case "ask":
        return await this.#ask(occurrence)
      default:
        return await this.#act(occurrence.kind, this.#person(occurrence.person))
    }
  }

  async #act(kind: PersonalOccurrence["kind"], person: Resident): Promise<void> {
    const { userId, aliasHash } = person
    switch (kind) {
      case "register":
        await person.register()
        return this.#naive.register(userId)
      case "open-queue":
        await person.openQueue()
        this.#census.enter(person)
        return this.#naive.openQueue(userId, person.queue.client)
      case "register-alias":
        await person.registerAlias()
        this.#census.aliases.add(person)
        return this.#naive.registerAlias(userId, aliasHash)
      case "delete-alias":
        return await this.#deleteAlias(person)
      case "delete-account":
        return await this.#deleteAccount(person)
      case "online":
        return await this.#visit(person)
      case "offline":
        return await person.goOffline()
    }
  }

  async #deleteAlias(person: Resident): Promise<void> {
    await person.deleteAlias()
    this.#census.forgetAlias(person)
    this.#naive.deleteAlias(person.aliasHash)
  }

  /** Whoever made a group ends it; others are removed, before somebody finds their queues gone. */
  async #deleteAccount(person: Resident): Promise<void> {
    await person.goOffline()
    for (const [group, circle] of this.#census.circles) {
      const member = circle.members.indexOf(person)
      if (member === 0) await this.#deleteGroup(group)
      else if (member > 0) await circle.remove(member)
    }
    if (this.#census.aliases.has(person)) await this.#deleteAlias(person)
    await person.deleteAccount()
    this.#census.depart(person)
    this.#naive.deleteAccount(person.userId, person.queue.client)
  }

  async #deleteGroup(group: number): Promise<void> {
    const circle = this.#census.circles.get(group)
    if (circle === undefined) return
    await circle.delete()
    this.#census.forgetCircle(group, circle)
  }

  async #visit(person: Resident): Promise<void> {
    await person.comeOnline()
    this.#naive.acknowledge(person.queue.client)
  }

  /** Everybody's stream ends with the server; a client opens another when its user comes back. */
  async #restart(signal: "SIGTERM" | "SIGKILL", ...flags: readonly string[]): Promise<void> {
    await Promise.all(this.#people.map((person) => person.goOffline()))
    await this.#server.end(signal)
    await this.#startAgain(...flags)
    this.#naive.restart()
  }

  /** A server refuses what was signed in the second in which it was started. */
  async #startAgain(...flags: readonly string[]): Promise<void> {
    await this.#server.start(...flags)
    this.#server.clock.set(Date.now() + SECOND)
  }

  async #gather(group: number): Promise<void> {
    const members = (this.#plan.groups[group] as readonly number[]).map((person) => this.#person(person))
    this.#census.circles.set(group, await Circle.gather(this.#transport, members))
    this.#naive.deliver(
      members.slice(1).map(({ queue }) => queue.client),
      crypto.random(600),
    )
  }

  async #say(occurrence: Extract<Occurrence, { kind: "say" | "update" }>): Promise<void> {
    const { group, member } = occurrence
    const circle = this.#census.circles.get(group)
    if (circle === undefined) return
    const message =
      occurrence.kind === "say" ? await circle.say(member, occurrence.bytes) : await circle.update(member)
    this.#deliverNaively(circle, member, message)
  }

  #deliverNaively({ members }: Circle, from: number, message: Uint8Array): void {
    const others = members.filter((person, member) => member !== from && this.#census.isThere(person))
    this.#naive.deliver(
      others.map(({ queue }) => queue.client),
      message,
    )
    for (const { isOnline, queue } of others) if (isOnline) this.#naive.acknowledge(queue.client)
  }

  async #ask({ person, whom, byAlias }: Extract<Occurrence, { kind: "ask" }>): Promise<void> {
    const asked = this.#person(whom)
    await this.#person(person).ask(asked, byAlias && this.#census.aliases.has(asked))
  }

  #person(index: number): Resident {
    return this.#people[index] as Resident
  }

  async #copy(name: string, settled = true): Promise<Moment> {
    const real = await this.#server.copy(name, settled)
    const naive = this.#naive.copy(name)
    const secrets = this.#server.secrets()
    const truth = { ...this.#census.who, entries: entriesOf(real, secrets, this.#census.people) }
    return {
      name,
      watched: name.startsWith(WATCHED),
      last: name === LAST,
      real: { directory: real, truth, secrets },
      naive: { directory: naive, truth: { ...truth, entries: this.#naive.entries() } },
      gone: [...this.#census.gone],
      there: this.#census.ids,
    }
  }
}

/** So that no story crosses the end of a month. */
function middleOfMonth(): number {
  const now = new Date()
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 10)
}
