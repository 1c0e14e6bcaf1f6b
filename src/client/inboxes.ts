import { replenishPackages, tendPackages } from "./connection-packages.ts"
import { emptyConnectionQueue } from "./connection-queue.ts"
import { pollRequests } from "./connections.ts"
import type { ClientContext } from "./context.ts"
import type { Inbox } from "./inbox.ts"
import { Lock } from "./lock.ts"
import { pause, spreadMilliseconds } from "./pace.ts"
import { shuffled } from "./shuffled.ts"
import type { Tasks } from "./tasks.ts"

export interface InboxesOptions {
  readonly context: ClientContext
  readonly tasks: Tasks
  /** Mean of the pauses between two inboxes that are looked into one after the other. */
  readonly spreadMilliseconds: number
  /** Mean of the random time between looks into each inbox; undefined: only {@link Inboxes.pollAll} looks. */
  readonly pollMilliseconds: number | undefined
}

interface Entry {
  readonly inbox: Inbox
  /** Looks into one inbox take turns, and with its removal. */
  readonly lock: Lock
  readonly removed: AbortController
}

/**
 * The inboxes of a client, the user id's and those of its aliases. Nobody may learn which belong together: each is looked
 * into at random times of its own, and never in one go with another.
 */
export class Inboxes {
  readonly #options: InboxesOptions
  readonly #entries = new Map<string | null, Entry>()
  readonly #looking = new Set<Promise<void>>()

  constructor(options: InboxesOptions) {
    this.#options = options
  }

  /** Begins to look into an inbox. */
  add(inbox: Inbox): void {
    const entry = { inbox, lock: new Lock(), removed: new AbortController() }
    this.#entries.set(inbox.alias, entry)
    const { pollMilliseconds } = this.#options
    if (pollMilliseconds === undefined) return
    const looking = this.#look(entry, pollMilliseconds).finally(() => this.#looking.delete(looking))
    this.#looking.add(looking)
  }

  /** Resolves when nothing is done with the inbox any more. */
  async remove(alias: string): Promise<void> {
    const entry = this.#entries.get(alias)
    this.#entries.delete(alias)
    entry?.removed.abort()
    await entry?.lock.run(async () => undefined)
  }

  /** Takes everything out of the user id's queue, unread. */
  async emptyOwn(): Promise<void> {
    const entry = this.#entries.get(null)
    await entry?.lock.run(() => emptyConnectionQueue(this.#options.context, entry.inbox))
  }

  /** Publishes packages of the user id if few are left: others claim them who never ask for anything. */
  async replenishOwn(): Promise<void> {
    const entry = this.#entries.get(null)
    await entry?.lock.run(async () => {
      await replenishPackages(this.#options.context, entry.inbox, await entry.inbox.countLeft?.())
    })
  }

  /** Looks into all inboxes once, in random order and with random pauses in between. Throws ClientError of any of them. */
  async pollAll(): Promise<void> {
    const { context, spreadMilliseconds: mean } = this.#options
    const failures: unknown[] = []
    for (const [index, entry] of shuffled([...this.#entries.values()]).entries()) {
      if (index > 0) await pause(spreadMilliseconds(mean), context.signal)
      await this.#poll(entry).catch((error: unknown) => failures.push(error))
    }
    if (failures.length > 0) throw failures[0]
  }

  /** Resolves when no look is under way any more; to be called after the context's signal was aborted. */
  async finished(): Promise<void> {
    await Promise.all(this.#looking)
  }

  async #look(entry: Entry, mean: number): Promise<void> {
    const signal = AbortSignal.any([this.#options.context.signal, entry.removed.signal])
    while (!signal.aborted) {
      try {
        await pause(spreadMilliseconds(mean), signal)
        await this.#poll(entry)
      } catch {
        // Closed, removed, or nothing could be read this time; the next look is at another random time.
      }
    }
  }

  async #poll({ inbox, lock, removed }: Entry): Promise<void> {
    const { context, tasks, spreadMilliseconds: mean } = this.#options
    const unlessRemoved = (work: () => Promise<void>) =>
      lock.run(async () => {
        if (!removed.signal.aborted) await work()
      })
    await unlessRemoved(() => pollRequests(context, inbox))
    tasks.start(async () => {
      await pause(spreadMilliseconds(mean), context.signal)
      await unlessRemoved(() => tendPackages(context, inbox))
    })
  }
}
