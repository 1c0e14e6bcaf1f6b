import { FRIENDSHIP_SECONDS } from "../limits.ts"
import { equal } from "../wire/bytes.ts"
import type { ClientContext } from "./context.ts"
import { ClientError } from "./errors.ts"
import type { GroupSession } from "./group-session.ts"
import type { Inboxes } from "./inboxes.ts"
import { renewLeaf } from "./leaf-renewal.ts"
import { Lock } from "./lock.ts"
import { around, pause, renewalTime, spreadMilliseconds } from "./pace.ts"
import { publishAddPackages, wantsAddPackages } from "./packages.ts"
import { at, change, load } from "./record-store.ts"
import { Schedule } from "./records.ts"
import type { Sessions } from "./sessions.ts"
import { shuffled } from "./shuffled.ts"

export interface UpkeepOptions {
  /** Mean of the random time between two questions to the AS. */
  readonly periodMilliseconds: number
  /** Whether a group, by its id, is left alone. */
  readonly isBlocked: (group: string) => boolean
  /** Has contacts get other keys. */
  readonly rotateFriendship: () => Promise<void>
  /** Mean of the random time between steps that would happen together otherwise. */
  readonly spreadMilliseconds: number
}

/** How often within a period the client looks whether something is due; looking asks nobody. */
const LOOKS_PER_PERIOD = 24

type Chore = keyof Schedule

/**
 * What a client does by itself now and then: it asks what the AS publishes, renews its credential, publishes packages, gives
 * contacts other keys and takes new leaf credentials in its groups.
 *
 * Each of these has a time of its own, drawn at random when the one before was done, and stored: clients do not come
 * together, what is done under different names does not come together, and a client that runs for minutes a day does not
 * fall behind. What fails is tried again at a later look; what the server refuses, a period later.
 */
export class Upkeep {
  readonly #context: ClientContext
  readonly #sessions: Sessions
  readonly #inboxes: Inboxes
  readonly #options: UpkeepOptions
  readonly #publishing = new Lock()
  readonly #writing = new Lock()
  #schedule: Schedule

  private constructor(
    context: ClientContext,
    sessions: Sessions,
    inboxes: Inboxes,
    options: UpkeepOptions,
    schedule: Schedule,
  ) {
    this.#context = context
    this.#sessions = sessions
    this.#inboxes = inboxes
    this.#options = options
    this.#schedule = schedule
  }

  static async open(
    context: ClientContext,
    sessions: Sessions,
    inboxes: Inboxes,
    options: UpkeepOptions,
  ): Promise<Upkeep> {
    const stored = await load(context.store, Schedule, at.schedule)
    if (stored !== undefined) return new Upkeep(context, sessions, inboxes, options, stored)
    const { expiration } = context.identity
    const upkeep = new Upkeep(context, sessions, inboxes, options, {
      trust: later(context, options),
      connectionPackages: later(context, options),
      credential: renewalTime(expiration),
      addPackages: renewalTime(expiration),
      friendship: laterFriendship(context),
    })
    await upkeep.#set({})
    return upkeep
  }

  /** Looks again and again until the client is closed. */
  async run(): Promise<void> {
    const { signal } = this.#context
    const { periodMilliseconds: period, spreadMilliseconds: spread } = this.#options
    try {
      await pause(spreadMilliseconds(spread), signal)
      for (;;) {
        await this.#look()
        await pause(spreadMilliseconds(period / LOOKS_PER_PERIOD), signal)
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  /** Publishes AddPackages if few are left, or if they are due and new ones would last longer. Throws ClientError. */
  replenishAddPackages(due = false): Promise<void> {
    return this.#publishing.run(async () => {
      if (!(await wantsAddPackages(this.#context, due))) return
      await this.#publish()
      const life = {
        notBefore: this.#context.transport.now(),
        notAfter: this.#context.identity.expiration.notAfter,
      }
      await this.#set({ addPackages: renewalTime(life) })
    })
  }

  /** Replaces the published AddPackages by new ones at once; when they are due stays as it is. Throws ClientError. */
  publishAddPackages(): Promise<void> {
    return this.#publishing.run(() => this.#publish())
  }

  async #publish(): Promise<void> {
    await this.#context.identity.current()
    await publishAddPackages(this.#context)
  }

  async #look(): Promise<void> {
    const { signal, transport } = this.#context
    for (const chore of shuffled(Object.keys(this.#schedule) as Chore[])) {
      if (this.#schedule[chore] > transport.now()) continue
      await pause(spreadMilliseconds(this.#options.spreadMilliseconds), signal)
      await this.#attempt(
        () => this.#chores[chore](),
        () => this.#set({ [chore]: this.#later() }),
      )
    }
    const leaf = this.#leafThatIsDue()
    if (leaf !== undefined) await this.#attempt(() => renewLeaf(leaf))
  }

  /** Whatever fails, the store included, is tried again; `refused` says when, if the server refused for good. */
  async #attempt(work: () => Promise<void>, refused?: () => Promise<void>): Promise<void> {
    try {
      await work().catch(async (error: unknown) => {
        const isFinal = error instanceof ClientError && !error.code.startsWith("client.")
        if (isFinal) await refused?.()
      })
    } catch {
      // The look after this one finds the chore still due.
    }
  }

  readonly #chores: Readonly<Record<Chore, () => Promise<void>>> = {
    trust: async () => {
      const { identity, trust, transport } = this.#context
      await trust.refresh()
      await this.#set({ trust: this.#later() })
      if (identity.accepts(identity.account.credential)) return
      await this.#set({ credential: transport.now(), addPackages: this.#later() })
    },
    credential: async () => {
      const { identity, transport } = this.#context
      await identity.renew()
      const credential = Math.max(renewalTime(identity.expiration), this.#later())
      await this.#set({ credential, connectionPackages: transport.now() })
    },
    connectionPackages: async () => {
      await this.#context.identity.current()
      await this.#inboxes.replenishOwn()
      await this.#set({ connectionPackages: this.#later() })
    },
    addPackages: () => this.replenishAddPackages(true),
    friendship: async () => {
      await this.#options.rotateFriendship()
      await this.#set({ friendship: laterFriendship(this.#context) })
    },
  }

  /**
   * One whose time has come, or that was made with a credential that others refuse by now. One at a time: the leaves of a
   * client must not be told by being renewed together.
   */
  #leafThatIsDue(): GroupSession | undefined {
    const { identity, transport } = this.#context
    const { credential } = identity.account
    const due = this.#sessions.all().filter(({ id, state: { facts } }) => {
      const { ownLeaf, behind } = facts
      if (behind || this.#options.isBlocked(id) || equal(ownLeaf.credential, credential)) return false
      return ownLeaf.renewal <= transport.now() || !identity.accepts(ownLeaf.credential)
    })
    return shuffled(due)[0]
  }

  #later(): number {
    return later(this.#context, this.#options)
  }

  async #set(times: Partial<Schedule>): Promise<void> {
    await this.#writing.run(async () => {
      const next = { ...this.#schedule, ...times }
      await this.#context.store.transaction([change(Schedule, at.schedule, next)])
      this.#schedule = next
    })
  }
}

/** In seconds since 1970, as {@link later}. */
function laterFriendship({ transport }: ClientContext): number {
  return transport.now() + Math.ceil(around(FRIENDSHIP_SECONDS))
}

/** In seconds since 1970. */
function later({ transport }: ClientContext, { periodMilliseconds }: UpkeepOptions): number {
  return transport.now() + Math.ceil(around(periodMilliseconds) / 1000)
}
