import { type ChainEntry, entryTag } from "../crypto/chain.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { monthDigits, monthFromDigits, monthOf } from "../month.ts"
import {
  defineTable,
  type Effect,
  put,
  putBriefly,
  type Reader,
  remove,
  type Table,
  type View,
  type Writer,
} from "../store/database.ts"
import type { SteadyClock } from "./clock.ts"

/**
 * Where all queued messages of a service lie: entries of one size under tags that look random, in one table per
 * month. Nothing in it says whose an entry is or, beyond the month, when it came.
 *
 * A clock decides which month new entries go to and when a month is over its time. What is there is found whatever
 * the clock says.
 */

type EntryRow = { tag: Uint8Array; entry: Uint8Array }

/** Where an entry is found: knowing the address key is all it takes. */
export interface EntryAddress {
  readonly address: Uint8Array
  readonly month: number
}

export class Pool {
  readonly #crypto: CryptoProvider
  readonly #store: Reader
  readonly #prefix: string
  readonly #retentionMonths: number
  readonly #clock: SteadyClock
  /** Those that were found to exist, and the current one; the others are never asked for. */
  readonly #partitions = new Map<number, Table<EntryRow>>()

  constructor(options: {
    readonly crypto: CryptoProvider
    readonly store: Reader
    readonly prefix: string
    readonly retentionMonths: number
    readonly clock: SteadyClock
  }) {
    this.#crypto = options.crypto
    this.#store = options.store
    this.#prefix = `${options.prefix}_`
    this.#retentionMonths = options.retentionMonths
    this.#clock = options.clock
  }

  /** The month that new entries go to. */
  currentMonth(): number {
    return monthOf(this.#clock.now())
  }

  /** Whether the month's partition is gone, and with it every entry of the chains that began in it. */
  dropped(month: number): boolean {
    return month < this.currentMonth() && this.#existing(month) === undefined
  }

  /** The committed entry at an index, or undefined. */
  entry({ address, month }: EntryAddress, index: number): Uint8Array | undefined {
    const partition = this.#existing(month)
    if (partition === undefined) return undefined
    return this.#store.get(partition, { tag: entryTag(this.#crypto, address, index) })?.entry
  }

  /** How many committed entries follow one another from an index on, at most `max`; found by few look-ups. */
  countFrom(address: EntryAddress, index: number, max: number): number {
    const exists = (count: number) => this.entry(address, index + count - 1) !== undefined
    let there = 0
    let missing = 1
    while (missing <= max && exists(missing)) {
      there = missing
      missing *= 2
    }
    missing = Math.min(missing, max + 1)
    while (missing - there > 1) {
      const middle = Math.floor((there + missing) / 2)
      if (exists(middle)) there = middle
      else missing = middle
    }
    return there
  }

  /** The entry under a tag, if the partition has it. */
  entryAt(view: View, month: number, tag: Uint8Array): Uint8Array | undefined {
    const partition = this.#existing(month)
    return partition === undefined ? undefined : view.get(partition, { tag })?.entry
  }

  /** `briefly`: its owner is reading, and will acknowledge it soon. */
  put(month: number, { tag, entry }: ChainEntry, briefly = false): Effect {
    return (briefly ? putBriefly : put)(this.#partition(month), { tag, entry })
  }

  /** The deletion of the entry at an index; undefined if its partition does not exist. */
  remove({ address, month }: EntryAddress, index: number): Effect | undefined {
    const partition = this.#existing(month)
    if (partition === undefined) return undefined
    return remove(partition, { tag: entryTag(this.#crypto, address, index) })
  }

  /** The deletion of the entry under a tag; undefined if its partition does not exist. */
  removeAt(month: number, tag: Uint8Array): Effect | undefined {
    const partition = this.#existing(month)
    return partition === undefined ? undefined : remove(partition, { tag })
  }

  /**
   * Deletes the partitions that are older than the retention time, unread entries included; but none as long as the
   * clock could be wrong about it. A clock that jumped ahead, while this process ran or before it started, must not
   * cost anybody messages. It is believed
   *
   * - if every month of the retention time before the current one has its partition: then messages came month after
   *   month, which no single jump looks like, unless it is one of a month;
   * - or if it ran undisturbed in this process for as long as it takes operators to notice.
   */
  async dropExpired(writer: Writer): Promise<void> {
    const current = this.currentMonth()
    const months = this.#months()
    const before = Array.from({ length: this.#retentionMonths }, (_, back) => current - 1 - back)
    if (!this.#clock.settled() && !before.every((month) => months.includes(month))) return
    for (const month of months) {
      if (current - month <= this.#retentionMonths) continue
      await writer.dropTable(this.#partition(month))
      this.#partitions.delete(month)
    }
  }

  /** The months that have a partition. */
  #months(): number[] {
    return this.#store.partitions(this.#prefix).flatMap((name) => {
      return monthFromDigits(name.slice(this.#prefix.length)) ?? []
    })
  }

  /** What clients ask for makes nothing be remembered that does not exist. */
  #existing(month: number): Table<EntryRow> | undefined {
    const known = this.#partitions.get(month)
    if (known !== undefined || !this.#months().includes(month)) return known
    return this.#partition(month)
  }

  #partition(month: number): Table<EntryRow> {
    const known = this.#partitions.get(month)
    if (known !== undefined) return known
    const table = poolTable(`${this.#prefix}${monthDigits(month)}`)
    this.#partitions.set(month, table)
    return table
  }
}

/** The table of a month by its name. */
export function poolTable(name: string): Table<EntryRow> {
  const definition = "(tag BLOB NOT NULL PRIMARY KEY, entry BLOB NOT NULL) WITHOUT ROWID, STRICT"
  return defineTable<EntryRow>(name, ["tag"], ["tag", "entry"], { runTime: { definition, fresh: true } })
}
