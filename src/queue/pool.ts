import { type ChainEntry, entryTag } from "../crypto/chain.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import {
  defineTable,
  type Effect,
  put,
  type Reader,
  remove,
  type Table,
  type Writer,
} from "../store/database.ts"
import { monthDigits, monthFromDigits, monthOf } from "./month.ts"

/**
 * Where all queued messages of a service lie: entries of one size under tags that look random, in one table per
 * month. Nothing in it says whose an entry is or, beyond the month, when it came.
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
  readonly #now: () => number
  /** Of the months that are kept and the current one; the others are never asked for. */
  readonly #partitions = new Map<number, Table<EntryRow>>()

  constructor(options: {
    readonly crypto: CryptoProvider
    readonly store: Reader
    readonly prefix: string
    readonly retentionMonths: number
    readonly now: () => number
  }) {
    this.#crypto = options.crypto
    this.#store = options.store
    this.#prefix = `${options.prefix}_`
    this.#retentionMonths = options.retentionMonths
    this.#now = options.now
  }

  /** The month that new entries go to. */
  currentMonth(): number {
    return monthOf(this.#now())
  }

  /** Whether the month's partition is, or is about to be, dropped. */
  expired(month: number): boolean {
    return this.currentMonth() - month > this.#retentionMonths
  }

  /** The committed entry at an index, or undefined. */
  entry({ address, month }: EntryAddress, index: number): Uint8Array | undefined {
    if (this.#outside(month)) return undefined
    const tag = entryTag(this.#crypto, address, index)
    return this.#store.get(this.#partition(month), { tag })?.entry
  }

  put(month: number, { tag, entry }: ChainEntry): Effect {
    return put(this.#partition(month), { tag, entry })
  }

  /** The deletion of the entry at an index; undefined if its partition is not kept. */
  remove({ address, month }: EntryAddress, index: number): Effect | undefined {
    if (this.#outside(month)) return undefined
    return remove(this.#partition(month), { tag: entryTag(this.#crypto, address, index) })
  }

  /** Deletes the partitions that are older than the retention time, unread entries included. */
  async dropExpired(writer: Writer): Promise<void> {
    for (const name of this.#store.partitions(this.#prefix)) {
      const month = monthFromDigits(name.slice(this.#prefix.length))
      if (month === undefined || !this.expired(month)) continue
      await writer.dropTable(partitionTable(name))
      this.#partitions.delete(month)
    }
  }

  /** One month ahead is allowed for, because a clock may be set back after an entry was written. */
  #outside(month: number): boolean {
    return this.expired(month) || month > this.currentMonth() + 1
  }

  #partition(month: number): Table<EntryRow> {
    const known = this.#partitions.get(month)
    if (known !== undefined) return known
    const table = partitionTable(`${this.#prefix}${monthDigits(month)}`)
    this.#partitions.set(month, table)
    return table
  }
}

function partitionTable(name: string): Table<EntryRow> {
  const createSql = `CREATE TABLE ${name} (tag BLOB NOT NULL PRIMARY KEY, entry BLOB NOT NULL) WITHOUT ROWID, STRICT`
  return defineTable<EntryRow>(name, ["tag"], ["tag", "entry"], createSql)
}
