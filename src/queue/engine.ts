import type { Static } from "@sinclair/typebox"
import { CryptoError, type CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { CURSORS_PER_REQUEST_MAX, KEY_BYTES, STREAM_RENEWAL_CHAINS_MAX } from "../limits.ts"
import { byteName } from "../store/byte-name.ts"
import type { Effect, Store, Table, View } from "../store/database.ts"
import type { Wakeups } from "../store/wakeups.ts"
import { Turns } from "../turns.ts"
import type { Renewal } from "../veil/store.ts"
import type { VeiledTable } from "../veil/table.ts"
import { toHex } from "../wire/bytes.ts"
import { Problem } from "../wire/problem.ts"
import {
  type ChainAcknowledgement,
  type ChainCursor,
  type DequeueParams,
  type DequeueResult,
  type QueueEntry,
  streamClose,
} from "../wire/queue.ts"
import { type AcknowledgedRange, deletionsOf } from "./acknowledge.ts"
import { ChainStarts } from "./chain-starts.ts"
import type { QueueChange } from "./change.ts"
import { SteadyClock } from "./clock.ts"
import { abandon, type EnqueueContext, type QueueDelivery, sealDeliveries, type Written } from "./enqueue.ts"
import { defaultQueueLimits, type QueueLimits } from "./limits.ts"
import { changeUnread, endChain, LiveQueues } from "./live.ts"
import { Pool } from "./pool.ts"
import type { QueueRow } from "./slots.ts"
import { type ChainPosition, QueueStream, type StreamSink, type StreamSource } from "./stream.ts"

export interface QueueEngineOptions {
  readonly crypto: CryptoProvider
  /** Veils the table of the queues' records. */
  readonly store: Store
  /** The queues' records. */
  readonly queues: VeiledTable<QueueRow>
  /** The pool's tables are this, an underscore, and year and month. */
  readonly poolPrefix: string
  /**
   * 32 bytes each, from outside the data, in the order of their making; they hide whose the overflow of a record is. The last
   * one seals. Kept, not copied.
   */
  readonly slotKeys: readonly Uint8Array[]
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Milliseconds since some moment, by a clock that nobody can set; tells when the other one was. */
  readonly elapsed?: () => number
  readonly wakeups: Wakeups
  readonly limits?: Partial<QueueLimits>
}

/**
 * The queues of one service (docs/protocol.md section 6.2), over one pool.
 *
 * What it guarantees to a queue's owner: every message of a committed change, once and in the order of acceptance,
 * across restarts, evictions and failed commits. What it guarantees against a snapshot: a record shows that a queue
 * exists and nothing about its content; the pool shows how many entries all queues hold, per month. Keys that open or
 * find entries are in memory only, and those that open are overwritten with each entry.
 *
 * Who may read and acknowledge is the caller's to check for the queue's record. Tags do not say whose they are:
 * knowing a chain's address key is the capability to read (but not open) and to delete its entries.
 */
export class QueueEngine {
  readonly #store: Store
  readonly #table: Table<QueueRow>
  readonly #crypto: CryptoProvider
  readonly #starts: ChainStarts
  readonly #pool: Pool
  readonly #live: LiveQueues
  readonly #wakeups: Wakeups
  readonly #limits: QueueLimits
  readonly #context: EnqueueContext
  readonly #source: StreamSource
  readonly #streams = new Map<string, QueueStream>()

  constructor(options: QueueEngineOptions) {
    const { crypto, store, now } = options
    const limits = { ...defaultQueueLimits, ...options.limits }
    this.#crypto = crypto
    this.#store = store
    this.#limits = limits
    this.#wakeups = options.wakeups
    this.#table = options.queues
    const { chainsPerQueueMax: max, retentionMonths } = limits
    const clock = new SteadyClock(now, options.elapsed ?? (() => performance.now()))
    this.#pool = new Pool({ crypto, store, prefix: options.poolPrefix, retentionMonths, clock })
    const { slotKeys } = options
    this.#starts = new ChainStarts({ crypto, table: this.#table, pool: this.#pool, slotKeys, max })
    this.#live = new LiveQueues(limits.chainsInMemoryMax)
    this.#source = {
      entry: (at, index) => this.#pool.entry(at, index),
      named: (queue, cursors) => this.#learn(queue, cursors),
      acknowledge: (queue, ranges, usedUp) => this.#delete(queue, ranges, usedUp, true),
      ended: (stream) => this.#streamEnded(stream),
      windowEntries: limits.streamWindowEntries,
      turns: new Turns(),
    }
    this.#context = {
      crypto,
      table: this.#table,
      starts: this.#starts,
      pool: this.#pool,
      live: this.#live,
      limits,
      now,
      isRead: (key) => this.#streams.has(key),
    }
  }

  /**
   * The record of a new queue, for a change that expects none under this id.
   *
   * @throws Problem `request.malformed`: nothing could ever be sealed to this key
   */
  newRecord(id: Uint8Array, queueKey: Uint8Array): Effect {
    this.#requireUsable(queueKey)
    return this.#starts.first(id, queueKey)
  }

  /**
   * Gives a queue another key: the next message begins a chain whose start is sealed to it. To be called inside a unit's
   * `effects`. Chains that there are stay as they are, and their owner needs the old key for them.
   *
   * @throws Problem `request.malformed`: nothing could ever be sealed to this key
   */
  changeKey(view: View, id: Uint8Array, queueKey: Uint8Array): Effect[] {
    this.#requireUsable(queueKey)
    const queue = this.#live.find(byteName(id))
    if (queue !== undefined) endChain(queue)
    return this.#starts.withKey(view, id, queueKey)
  }

  #requireUsable(queueKey: Uint8Array): void {
    const probe = this.#crypto.random(KEY_BYTES)
    try {
      wipe(this.#crypto.x25519(probe, queueKey))
    } catch (error) {
      if (error instanceof CryptoError) throw new Problem("request.malformed")
      throw error
    } finally {
      wipe(probe)
    }
  }

  exists(id: Uint8Array): boolean {
    const known = this.#live.find(byteName(id))
    return known?.chain !== undefined || this.#store.get(this.#table, { id }) !== undefined
  }

  /** Whether the queue's owner has a stream open. */
  isStreaming(id: Uint8Array): boolean {
    return this.#streams.has(byteName(id))
  }

  /**
   * Removes a queue's record, and the starts of its chains wherever they are. To be called inside a unit's `effects`.
   * Its unread entries cannot be found any more and go with their partition.
   */
  remove(view: View, id: Uint8Array): QueueChange {
    const key = byteName(id)
    this.#live.forget(key)
    return {
      effects: this.#starts.remove(view, id),
      committed: () => {
        this.#live.forget(key)
        this.#streams.get(key)?.end(streamClose.refused)
      },
      failed: () => undefined,
    }
  }

  /**
   * Seals messages into queues. To be called inside a unit's `effects`, so that the order in every queue is the order
   * of acceptance; the unit passes `committed` and `failed` on. A queue that does not exist is passed over.
   *
   * @throws Problem `queue.full` or `request.too-large`; no queue has changed then
   */
  enqueue(view: View, deliveries: readonly QueueDelivery[]): QueueChange {
    const { effects, written } = sealDeliveries(this.#context, view, deliveries)
    return {
      effects,
      committed: () => this.#announce(written),
      failed: () => abandon(this.#context, written),
    }
  }

  /**
   * Deletes acknowledged entries and the starts of used-up chains; resolves when they are durably gone. Repeated and
   * late acknowledgements do nothing.
   *
   * @throws Problem `queue.invalid-cursor`: a chain is named twice
   */
  async acknowledge(
    id: Uint8Array,
    acknowledged: readonly Static<typeof ChainAcknowledgement>[],
    usedUp: readonly Uint8Array[],
  ): Promise<void> {
    refuseRepeated(acknowledged.map(({ chain }) => chain))
    const ranges = acknowledged.map((range) => ({ ...range, from: range.through + 1, bottom: 0 }))
    await this.#delete(id, ranges, usedUp)
  }

  /**
   * The committed entries from each cursor on, chain after chain, at most `max` together.
   *
   * @throws Problem `queue.invalid-cursor`: a chain is named twice
   */
  read(cursors: readonly Static<typeof ChainCursor>[], max: number): Static<typeof QueueEntry>[] {
    refuseRepeated(cursors.map(({ chain }) => chain))
    const entries: Static<typeof QueueEntry>[] = []
    for (const cursor of cursors) {
      for (let index = cursor.next; entries.length < max; index++) {
        const entry = this.#pool.entry(cursor, index)
        if (entry === undefined) break
        entries.push({ chain: cursor.chain, index, entry })
      }
    }
    return entries
  }

  /**
   * One request of a queue's owner: deletes what is acknowledged, then reads. Undefined: there is no such queue.
   *
   * @throws Problem `queue.invalid-cursor`: a chain is named twice
   */
  async dequeue(
    id: Uint8Array,
    params: Static<typeof DequeueParams>,
  ): Promise<Static<typeof DequeueResult> | undefined> {
    refuseRepeated(params.read.map(({ chain }) => chain))
    await this.acknowledge(id, params.acknowledge, params.usedUp)
    const row = this.#store.get(this.#table, { id })
    if (row === undefined) return undefined
    this.#learn(id, params.read)
    return { starts: this.#starts.forOwner(this.#store, row), entries: this.read(params.read, params.max) }
  }

  /**
   * Begins a stream for a queue's owner, in place of one that is open. The chain that is in memory is renewed with the
   * next message, but not if chains have piled up: an owner who comes and goes without getting as far as to
   * acknowledge anything makes no more of them. Undefined: there is no such queue.
   */
  openStream(id: Uint8Array, sink: StreamSink): QueueStream | undefined {
    const row = this.#store.get(this.#table, { id })
    if (row === undefined) return undefined
    const starts = this.#starts.forOwner(this.#store, row)
    const key = byteName(id)
    this.#streams.get(key)?.end(streamClose.replaced)
    const chain = this.#live.find(key)?.chain
    if (chain !== undefined && this.#starts.count(row) < STREAM_RENEWAL_CHAINS_MAX) chain.renew = true
    const stream = new QueueStream(id.slice(), this.#source, sink)
    this.#wakeups.subscribe(stream.queue, stream)
    this.#streams.set(key, stream)
    stream.begin(starts)
    return stream
  }

  #streamEnded(stream: QueueStream): void {
    const key = byteName(stream.queue)
    this.#wakeups.unsubscribe(stream.queue, stream)
    if (this.#streams.get(key) === stream) this.#streams.delete(key)
  }

  /**
   * Deletes partitions older than the retention time, unless the clock may be wrong about it. To be called at start and
   * about once a day.
   */
  async dropExpiredPartitions(): Promise<void> {
    await this.#pool.dropExpired(this.#store.writer)
  }

  /**
   * What a pass does with a record beside giving it another name: what an older slot key sealed in the pool is sealed with the
   * last, so that the older one can be given up.
   */
  get renewal(): Renewal {
    return { table: this.#table, effects: (view, id) => this.#starts.renewed(view, id) }
  }

  /** Ends all streams and overwrites all keys in memory. */
  stop(): void {
    for (const stream of [...this.#streams.values()]) stream.end(streamClose.stopping)
    this.#live.forgetAll()
  }

  async #delete(
    id: Uint8Array,
    ranges: readonly AcknowledgedRange[],
    usedUp: readonly Uint8Array[],
    patient = false,
  ): Promise<void> {
    const deletions = await deletionsOf(this.#pool, ranges)
    const steps = Math.ceil(deletions.length / this.#limits.acknowledgedPerUnitMax)
    if (steps === 0 && usedUp.length === 0) return
    for (let step = 0; step < Math.max(1, steps); step++) {
      const at = step * this.#limits.acknowledgedPerUnitMax
      const part = deletions.slice(at, at + this.#limits.acknowledgedPerUnitMax)
      const effects = part.map(({ effect }) => effect)
      const last = step + 1 >= steps
      await this.#store.writer.submit({
        expects: [],
        patient,
        effects: (view) => (last ? [...effects, ...this.#starts.without(view, id, usedUp)] : effects),
        committed: () => {
          const queue = this.#live.find(byteName(id))
          if (queue !== undefined) for (const { chain } of part) changeUnread(queue, chain, -1)
        },
      })
    }
  }

  /**
   * What an owner asks for tells how much waits in the chains that the server does not remember, after a restart above
   * all: so the bound holds again from then on.
   */
  #learn(id: Uint8Array, cursors: readonly ChainPosition[]): void {
    const key = byteName(id)
    for (const cursor of cursors) {
      if (this.#live.find(key)?.unread.has(byteName(cursor.chain))) continue
      const entries = this.#pool.countFrom(cursor, cursor.next, this.#limits.chainEntriesHardMax)
      if (entries > 0) changeUnread(this.#live.use(key), cursor.chain, entries)
    }
    this.#live.trim()
  }

  #announce(written: readonly Written[]): void {
    for (const { key, queue, chain, begun, first, entries } of written) {
      const stream = this.#streams.get(key)
      if (stream === undefined) {
        wipe(begun?.address)
        this.#wakeups.wake(queue)
      } else {
        if (begun !== undefined) stream.chainBegun(begun)
        stream.committed(chain.writer.id, first, entries)
      }
    }
  }
}

function refuseRepeated(chains: readonly Uint8Array[]): void {
  if (chains.length > CURSORS_PER_REQUEST_MAX || new Set(chains.map(toHex)).size !== chains.length) {
    throw new Problem("queue.invalid-cursor")
  }
}
