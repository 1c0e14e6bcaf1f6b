import type { Database } from "bun:sqlite"
import {
  type AnyTable,
  Conflict,
  type Effect,
  Overloaded,
  StoreClosed,
  StoreFailed,
  StoreMisuse,
  type Table,
  type Unit,
  type Writer,
} from "./database.ts"
import { Epoch } from "./epoch.ts"
import { codeOf } from "./error-code.ts"
import type { Freshness } from "./fresh.ts"
import type { Statements } from "./statements.ts"

/** How much the pipeline takes on. */
export interface PipelineLimits {
  /** Units that may wait for the next epoch; beyond it `submit` rejects with `Overloaded`. */
  readonly pendingMax: number
  /** For so long patient units wait for others; 0: not at all. */
  readonly patienceMs: number
  /** An epoch takes no further unit once it holds this many effects. */
  readonly epochRowsMax: number
  /** An epoch takes no further unit once its rows hold this many bytes. */
  readonly epochBytesMax: number
}

/** What the pipeline tells its surroundings. */
export interface PipelineEvents {
  /** After each durable transaction, before anybody is told. */
  committed(): void
  /** After a transaction that was rolled back: what it wrote may lie behind the log's end. */
  rolledBack(): void
  /** Something that must not fail did: a hook of a unit, or a COMMIT whose outcome is unknown. */
  fault(error: unknown): void
}

interface Pending {
  readonly unit: Unit
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Rows that one step of dropping a table deletes. */
const DROP_STEP_ROWS = 256

/**
 * The commit pipeline: the only place that writes. Whatever is submitted while an epoch is made, or in the same
 * turn of the event loop, goes into the next: one transaction, rows in key order, one fsync. Nobody gets an
 * answer, not even a refusal, before the epoch it was decided in is durable.
 */
export class Pipeline implements Writer {
  readonly #database: Database
  readonly #statements: Statements
  readonly #limits: PipelineLimits
  readonly #events: PipelineEvents
  #pending: Pending[] = []
  #scheduled = false
  #patience: ReturnType<typeof setTimeout> | undefined
  #closed = false
  #broken = false

  constructor(database: Database, statements: Statements, limits: PipelineLimits, events: PipelineEvents) {
    this.#database = database
    this.#statements = statements
    this.#limits = limits
    this.#events = events
  }

  submit(unit: Unit): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new StoreClosed())
      if (this.#broken) return reject(new StoreFailed("the store failed before and needs a restart"))
      if (this.#pending.length >= this.#limits.pendingMax) return reject(new Overloaded())
      this.#pending.push({ unit, resolve, reject })
      const { patienceMs } = this.#limits
      if (unit.patient && patienceMs > 0) this.#patience ??= setTimeout(() => this.#schedule(), patienceMs)
      else this.#schedule()
    })
  }

  async dropTable(table: AnyTable): Promise<void> {
    if (table.runTime === undefined) throw new StoreMisuse("only run-time tables are dropped")
    let dropped = false
    while (!dropped) {
      await this.submit({
        expects: [],
        effects: (view) => {
          const rows = view.list(table as Table<Record<string, Uint8Array>>, {}, DROP_STEP_ROWS)
          dropped = rows.length < DROP_STEP_ROWS
          if (dropped) return [{ kind: "drop", table }]
          return rows.map((row): Effect => {
            return { kind: "delete", table, key: table.key.map((column) => row[column] as Uint8Array) }
          })
        },
      })
    }
  }

  /** Whether there are fresh rows. */
  get unsettled(): boolean {
    return this.#statements.unsettled("all").length > 0
  }

  /** Accepts no more units and writes those that wait. */
  close(): void {
    this.#closed = true
    while (this.#pending.length > 0) this.#makeEpoch()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      if (this.#pending.length > 0) this.#makeEpoch()
      if (this.#pending.length > 0) this.#schedule()
    })
  }

  #makeEpoch(): void {
    clearTimeout(this.#patience)
    this.#patience = undefined
    const epoch = new Epoch(this.#statements)
    const accepted: Pending[] = []
    const refused: { readonly pending: Pending; readonly reason: unknown }[] = []
    let taken = 0
    for (const pending of this.#pending) {
      if (epoch.rows >= this.#limits.epochRowsMax || epoch.bytes >= this.#limits.epochBytesMax) break
      taken++
      const refusal = this.#accept(pending.unit, epoch)
      if (refusal === undefined) accepted.push(pending)
      else refused.push({ pending, reason: refusal.reason })
    }
    const decided = this.#pending.slice(0, taken)
    this.#pending = this.#pending.slice(taken)

    const failure = epoch.rows === 0 ? undefined : this.#transact(() => epoch.write())
    if (failure !== undefined) {
      for (const { unit } of accepted.toReversed()) this.#hook(() => unit.failed?.())
      for (const { reject } of decided) reject(failure)
      if (this.#broken) this.#events.fault(failure)
      return
    }
    for (const { unit } of accepted) this.#hook(() => unit.committed?.())
    for (const { resolve } of accepted) resolve()
    for (const { pending, reason } of refused) pending.reject(reason)
  }

  #accept(unit: Unit, epoch: Epoch): { readonly reason: unknown } | undefined {
    let called = false
    try {
      if (!unit.expects.every((expectation) => epoch.holds(expectation))) return { reason: new Conflict() }
      called = true
      epoch.merge(unit.effects(epoch))
      return undefined
    } catch (reason) {
      if (called) this.#hook(() => unit.failed?.())
      return { reason }
    }
  }

  /**
   * Moves fresh rows to their places; what is not moved is older the next time. The disk need not have it before the log is copied
   * into the database: a crash leaves them where they were. So does a full disk.
   */
  settle(which: Freshness): void {
    if (!this.#broken && this.#statements.unsettled(which).length > 0) {
      this.#database.run("PRAGMA synchronous = NORMAL")
      const failure = this.#transact(() => this.#statements.settle(which))
      if (failure !== undefined && this.#broken) this.#events.fault(failure)
      else this.#database.run("PRAGMA synchronous = FULL")
    }
    this.#statements.takeTurns()
  }

  #transact(write: () => void): StoreFailed | undefined {
    let committing = false
    try {
      this.#database.run("BEGIN IMMEDIATE")
      write()
      committing = true
      this.#database.run("COMMIT")
    } catch (error) {
      return this.#rollback(codeOf(error), committing)
    }
    this.#hook(() => this.#events.committed())
    return undefined
  }

  /**
   * After a failed COMMIT for another reason than a full disk, what the disk holds is unknown: the store refuses
   * everything until it is opened again and has recovered.
   */
  #rollback(code: string, committing: boolean): StoreFailed {
    this.#broken = committing && code !== "SQLITE_FULL"
    try {
      if (this.#database.inTransaction) this.#database.run("ROLLBACK")
      this.#statements.reload()
    } catch {
      this.#broken = true
    }
    this.#hook(() => this.#events.rolledBack())
    return new StoreFailed(`the changes could not be written (${code})`)
  }

  #hook(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#events.fault(error)
    }
  }
}
