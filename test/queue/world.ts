import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ChainReader } from "../../src/crypto/chain.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { deliveryMigrations } from "../../src/migrations.ts"
import { queues, veiledTables } from "../../src/qs/tables.ts"
import { QueueEngine, type QueueEngineOptions } from "../../src/queue/engine.ts"
import { poolTable } from "../../src/queue/pool.ts"
import type { Effect, Store } from "../../src/store/database.ts"
import { openStore } from "../../src/store/open.ts"
import { localWakeups } from "../../src/store/wakeups.ts"
import { equal, toHex } from "../../src/wire/bytes.ts"
import { OpenedVeil } from "../veil/opened.ts"

export const HOUR = 3_600_000
export const NOVEMBER = Date.UTC(2026, 10, 20)

/** A store in a directory that goes away with the test. */
export async function temporaryStore(options: { readonly pageSize?: number } = {}): Promise<{
  readonly directory: string
  /** Its slot key is nobody else's: engines bring their own, for their overflow. */
  readonly store: OpenedVeil
  [Symbol.asyncDispose](): Promise<void>
}> {
  const directory = mkdtempSync(join(tmpdir(), "cinder-queue-"))
  const disk = await openStore({
    file: join(directory, "delivery.sqlite"),
    migrations: deliveryMigrations,
    // Tests look at what is in the files after an acknowledgement.
    patienceMs: 0,
    ...options,
  })
  const store = new OpenedVeil(disk, [crypto.random(32)], veiledTables)
  return {
    directory,
    store,
    async [Symbol.asyncDispose]() {
      await store.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

export interface Clock {
  now: number
  /** By how much the clock was set, so that less, or more, time has passed than it says. */
  set?: number
}

export function engineOver(
  store: Store,
  clock: Clock,
  slotKey: Uint8Array | readonly Uint8Array[],
  limits: QueueEngineOptions["limits"] = {},
  provider = crypto,
): QueueEngine {
  return new QueueEngine({
    crypto: provider,
    store,
    queues,
    poolPrefix: "qs_pool",
    slotKeys: slotKey instanceof Uint8Array ? [slotKey] : slotKey,
    now: () => clock.now,
    elapsed: () => clock.now - (clock.set ?? 0),
    wakeups: localWakeups(),
    limits,
  })
}

export interface Outgoing {
  readonly queue: Uint8Array
  readonly message: Uint8Array
}

/** One request that delivers; rejects as the unit does. `refuse`: the unit fails after it has enqueued. */
export async function deliver(
  store: Store,
  engine: QueueEngine,
  deliveries: readonly Outgoing[],
  refuse = false,
): Promise<void> {
  let enqueued: ReturnType<QueueEngine["enqueue"]> | undefined
  await store.writer.submit({
    expects: [],
    effects(view) {
      enqueued = engine.enqueue(view, deliveries)
      if (refuse) throw new Error("refused after enqueuing")
      return enqueued.effects
    },
    committed: () => enqueued?.committed(),
    failed: () => enqueued?.failed(),
  })
}

export async function write(store: Store, effects: readonly Effect[]): Promise<void> {
  await store.writer.submit({ expects: [], effects: () => effects })
}

interface OwnedChain {
  readonly reader: ChainReader
  readonly month: number
}

/** A queue's owner, who keeps its readers and reads without a stream. */
export class Owner {
  readonly id: Uint8Array
  readonly publicKey: Uint8Array
  readonly received: Uint8Array[] = []
  readonly secretKey: Uint8Array
  /** In the order of their starts. */
  #chains: OwnedChain[] = []

  constructor(id = crypto.random(16)) {
    this.id = id
    this.secretKey = crypto.random(32)
    this.publicKey = crypto.x25519Public(this.secretKey)
  }

  /** The chains found in a record's slots, those known before with their progress. */
  learn(starts: readonly Uint8Array[]): void {
    const chains: OwnedChain[] = []
    for (const start of starts) {
      const opened = ChainReader.open(crypto, this.secretKey, start)
      if (opened === undefined) continue
      const known = this.#chains.find(({ reader }) => equal(reader.id, opened.reader.id))
      chains.push(known ?? opened)
    }
    this.#chains = chains
  }

  /** A chain that begins after all others. */
  learnNext(start: Uint8Array): void {
    const opened = ChainReader.open(crypto, this.secretKey, start)
    if (opened === undefined) throw new Error("a start that does not open")
    this.#chains.push(opened)
  }

  cursors(): { chain: Uint8Array; address: Uint8Array; month: number; next: number }[] {
    return this.#chains.map(({ reader, month }) => {
      return { chain: reader.id, address: reader.address, month, next: reader.nextIndex }
    })
  }

  take(chain: Uint8Array, index: number, entry: Uint8Array): void {
    const known = this.#chains.find(({ reader }) => equal(reader.id, chain))
    if (known === undefined) throw new Error("an entry of an unknown chain")
    const message = known.reader.push(index, entry)
    if (message !== undefined) this.received.push(message)
  }

  /** Acknowledgements of everything taken. */
  acknowledgements(): { chain: Uint8Array; address: Uint8Array; month: number; through: number }[] {
    return this.#chains.flatMap(({ reader, month }) => {
      if (reader.nextIndex === 0) return []
      return [{ chain: reader.id, address: reader.address, month, through: reader.nextIndex - 1 }]
    })
  }

  /** All chains but the newest, read to their ends. */
  usedUp(): Uint8Array[] {
    return this.#chains.slice(0, -1).map(({ reader }) => reader.id)
  }

  /** Learns the starts and reads at most `max` entries. */
  async read(engine: QueueEngine, max = 512): Promise<number> {
    const first = await engine.dequeue(this.id, { acknowledge: [], usedUp: [], read: [], max: 0 })
    if (first === undefined) throw new Error("no such queue")
    this.learn(first.starts)
    const entries = engine.read(this.cursors(), max)
    for (const { chain, index, entry } of entries) this.take(chain, index, entry)
    return entries.length
  }

  /** Reads everything. */
  async readAll(engine: QueueEngine): Promise<void> {
    while ((await this.read(engine)) > 0) {
      // another page may follow
    }
  }
}

export function texts(messages: readonly Uint8Array[]): string[] {
  return messages.map(toHex)
}

/** How many entries lie in all partitions of the pool. */
export function pooled(store: Store): number {
  return store.partitions("qs_pool_").reduce((sum, name) => sum + store.count(poolTable(name)), 0)
}
