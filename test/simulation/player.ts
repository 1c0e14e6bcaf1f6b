import { ClientError, type ClientErrorCode } from "../../src/client/errors.ts"
import { type ClientStore, memoryStore } from "../../src/client/store.ts"
import { Person } from "../client/people.ts"
import { breakingWebSocket, CrashingStore, lossyFetch, randomFrom } from "../client/trouble.ts"
import type { Answers } from "./answers.ts"
import type { Network } from "./schedule.ts"
import { Witness } from "./witness.ts"

/** Longer than the server is away; whoever waits longer than this waits for something that does not come. */
const PATIENCE_MILLISECONDS = 8000

export interface PlayerOptions {
  readonly network: Network
  readonly answers: Answers
  /** Where a client really keeps its state. */
  readonly makeStore?: (index: number) => ClientStore
  readonly patienceMilliseconds?: number
  readonly onGroup: (id: string) => void
}

/** A person of the simulation: a client that may die at any write, on a network that may lose anything. */
export class Player {
  readonly index: number
  readonly witness: Witness
  readonly #store: CrashingStore
  readonly #person: Person
  readonly #weather: { calm: boolean }

  private constructor(
    index: number,
    person: Person,
    store: CrashingStore,
    witness: Witness,
    weather: { calm: boolean },
  ) {
    this.index = index
    this.#person = person
    this.#store = store
    this.witness = witness
    this.#weather = weather
  }

  /** Registers, in calm weather. */
  static async join(
    server: { readonly url: string },
    index: number,
    options: PlayerOptions,
  ): Promise<Player> {
    const { network, answers, makeStore = memoryStore } = options
    const { patienceMilliseconds = PATIENCE_MILLISECONDS } = options
    const witness = new Witness(makeStore(index), options.onGroup)
    const store = new CrashingStore(witness)
    const weather = { calm: true }
    const random = randomFrom(network.seed)
    const lossy = lossyFetch(random, network.loss, answers.fetch)
    const breaking = breakingWebSocket(random, network.frames)
    const person = await Person.register(server, `person ${index}`, {
      store,
      patienceMilliseconds,
      fetch: (url, request) => (weather.calm ? answers.fetch(url, request) : lossy(url, request)),
      webSocket: (url) => (weather.calm ? new WebSocket(url) : breaking(url)),
    })
    return new Player(index, person, store, witness, weather)
  }

  get person(): Person {
    return this.#person
  }

  get user(): string {
    return this.#person.user
  }

  get dead(): boolean {
    return this.#store.dead
  }

  calm(calm: boolean): void {
    this.#weather.calm = calm
  }

  crashIn(writes: number, afterwards: boolean): void {
    this.#store.crashIn(writes, afterwards)
  }

  /** Does work until it ends or this client dies; then begins again where it was. */
  async live(work: () => Promise<unknown>): Promise<void> {
    if (this.dead) await this.restart()
    await this.#store
      .untilDeath(async () => {
        await work()
      })
      .catch((error: unknown) => {
        if (!this.dead) throw error
      })
    if (this.dead) await this.restart()
  }

  /** Ends and begins again, until that succeeds. */
  async restart(): Promise<void> {
    await this.#person.stop()
    for (;;) {
      this.#store.revive()
      try {
        await this.#person.start()
        return
      } catch (error) {
        if (!this.dead && codeOf(error) !== "client.unreachable") throw error
      }
    }
  }

  /** Begins again, and has received and seen everything that was on its way. */
  async catchUp(): Promise<void> {
    await this.restart()
    await this.#person.client.caughtUp()
    while ((await this.witness.list("event/")).length > 0) await Bun.sleep(2)
  }
}

export function codeOf(error: unknown): ClientErrorCode | undefined {
  return error instanceof ClientError ? error.code : undefined
}
