import { Database } from "bun:sqlite"
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, rmSync } from "node:fs"
import { dirname } from "node:path"
import {
  EPOCH_ROWS_MAX,
  PATIENT_MILLISECONDS,
  PENDING_UNITS_MAX,
  SCRUB_DELAY_MILLISECONDS,
  SCRUB_QUIET_MILLISECONDS,
  SETTLE_QUIET_MILLISECONDS,
} from "../limits.ts"
import {
  type AnyTable,
  type KeyOf,
  keyValues,
  type RowOf,
  type Store,
  StoreFailed,
  StoreIncompatible,
  StoreLocked,
  type Table,
  type Writer,
} from "./database.ts"
import { prefixValues } from "./epoch.ts"
import { codeOf } from "./error-code.ts"
import { refuseForeign } from "./foreign.ts"
import { type Migration, migrate } from "./migrations.ts"
import { Pipeline } from "./pipeline.ts"
import { clearFile, PAGES_MAX } from "./residue.ts"
import { Scrubber, type ScrubStep } from "./scrub.ts"
import { Settling } from "./settling.ts"
import { Statements } from "./statements.ts"

export interface StoreOptions {
  /**
   * The database's file. It and its directory are made if missing, for this user alone. Nothing else in this
   * process may open the file, not even to read it: closing it again would release SQLite's lock.
   */
  readonly file: string
  readonly migrations: readonly Migration[]
  /**
   * Whose databases these are: SQLite's `application_id`, which the first migration has to set. A database of anybody else
   * is refused before anything is written to it. Undefined: it is not looked at.
   */
  readonly applicationId?: number
  /** Bytes, a power of two; fixed when the database is made. Entries should stay below a quarter of it. */
  readonly pageSize?: number
  /** The log is scrubbed at the latest this long after a commit. 0: before anybody is told of the commit. */
  readonly scrubDelayMs?: number
  /** It is scrubbed when so long no other commit followed, or longer on a slow disk. */
  readonly scrubQuietMs?: number
  /** Fresh rows move to their places when so long no other commit followed, at the latest `scrubDelayMs` after one. */
  readonly settleQuietMs?: number
  /** Beyond this length the log is scrubbed at once. */
  readonly logBytesMax?: number
  /** Memory for pages of the database. */
  readonly cacheBytes?: number
  /** The largest size of the database, 33 554 431 at most; a write beyond it fails its epoch. */
  readonly pagesMax?: number
  /** Units that may wait for the next epoch. */
  readonly pendingMax?: number
  /** For so long patient units wait for others. 0: they are like the others. */
  readonly patienceMs?: number
  /** An epoch takes no further unit once it holds this many effects. */
  readonly epochRowsMax?: number
  /** An epoch takes no further unit once its rows hold this many bytes. */
  readonly epochBytesMax?: number
  /**
   * A hook of a unit threw, a scrub that was due failed (it is tried again), or the disk failed while committing
   * (the store refuses everything until it is opened again). Without this function the process ends with the error,
   * because none of these can be made good silently.
   */
  readonly fault?: (error: unknown) => void
  /** For tests: told of each finished step of scrubbing. */
  readonly scrubStep?: (step: ScrubStep) => void
}

const DEFAULTS = {
  pageSize: 8192,
  scrubDelayMs: SCRUB_DELAY_MILLISECONDS,
  scrubQuietMs: SCRUB_QUIET_MILLISECONDS,
  settleQuietMs: SETTLE_QUIET_MILLISECONDS,
  logBytesMax: 16 * 1024 * 1024,
  cacheBytes: 64 * 1024 * 1024,
  pagesMax: PAGES_MAX,
  pendingMax: PENDING_UNITS_MAX,
  patienceMs: PATIENT_MILLISECONDS,
  epochRowsMax: EPOCH_ROWS_MAX,
  epochBytesMax: 8 * 1024 * 1024,
  fault(error: unknown): void {
    queueMicrotask(() => {
      throw error
    })
  },
}

/** An open database and what only its owner may do with it. */
export interface OpenedStore extends Store {
  /** Moves fresh rows to their places and scrubs the log now, unless it is clean. */
  scrub(): void
  /**
   * Writes a compact copy without free pages into a new file. Blocks while it does.
   *
   * @throws StoreFailed the file exists or cannot be written
   */
  backupTo(file: string): void
  /** Writes what waits, scrubs the log and closes. Further calls do nothing. */
  close(): Promise<void>
}

/**
 * Opens the database: recovers what a crash left, scrubs the log, migrates.
 *
 * @throws StoreLocked another process has it open
 * @throws StoreIncompatible it is newer than the migrations, has another page size, or is no database
 * @throws StoreFailed the file or its directory cannot be used
 */
export async function openStore(options: StoreOptions): Promise<OpenedStore> {
  const settings = { ...DEFAULTS, ...options }
  settings.pagesMax = Math.min(settings.pagesMax, PAGES_MAX)
  createPrivately(settings.file)
  let database: Database | undefined
  let scrubber: Scrubber | undefined
  try {
    database = new Database(settings.file, { create: false, readwrite: true })
    if (options.applicationId !== undefined) refuseForeign(database, options.applicationId)
    configure(database, settings)
    scrubber = new Scrubber(database, settings.file, settings.pageSize, {
      delayMs: settings.scrubDelayMs,
      quietMs: settings.scrubQuietMs,
      logBytesMax: settings.logBytesMax,
      fault: settings.fault,
      step: settings.scrubStep,
    })
    scrubber.scrub()
    if (migrate(database, settings.migrations) > 0) scrubber.committed()
    const store = new SqliteStore(database, scrubber, settings)
    store.scrub()
    return store
  } catch (error) {
    database?.close()
    scrubber?.close()
    throw explained(error, settings.file)
  }
}

class SqliteStore implements OpenedStore {
  readonly #database: Database
  readonly #scrubber: Scrubber
  readonly #pageSize: number
  readonly #statements: Statements
  readonly #pipeline: Pipeline
  readonly #settling: Settling
  #closed = false

  constructor(database: Database, scrubber: Scrubber, settings: typeof DEFAULTS) {
    this.#database = database
    this.#scrubber = scrubber
    this.#pageSize = settings.pageSize
    this.#statements = new Statements(database)
    this.#pipeline = new Pipeline(database, this.#statements, settings, {
      committed: () => {
        this.#settling.committed()
        scrubber.committed()
      },
      rolledBack: () => scrubber.rolledBack(),
      fault: settings.fault,
    })
    this.#settling = new Settling(this.#pipeline, settings.scrubDelayMs, settings.settleQuietMs)
  }

  get writer(): Writer {
    return this.#pipeline
  }

  get<Row extends RowOf<Row>>(table: Table<Row>, key: KeyOf<Row>): Row | undefined {
    return this.#statements.get(table, keyValues(table, key)) as Row | undefined
  }

  list<Row extends RowOf<Row>>(table: Table<Row>, prefix: Partial<Row>, limit: number, after?: KeyOf<Row>) {
    const past = after === undefined ? undefined : keyValues(table, after)
    return this.#statements.list(table, prefixValues(table, prefix), limit, past) as Row[]
  }

  count(table: AnyTable): number {
    return this.#statements.count(table)
  }

  partitions(prefix: string): string[] {
    return [...this.#statements.tables()].filter((name) => name.startsWith(prefix)).sort()
  }

  scrub(): void {
    this.#settling.settle()
    this.#scrubber.scrub()
  }

  backupTo(file: string): void {
    try {
      closeSync(openSync(file, "wx", 0o600))
    } catch (error) {
      throw new StoreFailed(`the backup's file cannot be made (${codeOf(error)})`)
    }
    try {
      this.#settling.settle()
      this.#database.run("VACUUM INTO ?", [file])
      this.#finishBackup(file)
      synchronizeDirectory(file)
    } catch (error) {
      rmSync(file, { force: true })
      throw new StoreFailed(`the backup could not be written (${codeOf(error)})`)
    }
  }

  #finishBackup(file: string): void {
    const descriptor = openSync(file, "r+")
    try {
      clearFile(descriptor, this.#pageSize)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#pipeline.close()
    try {
      this.scrub()
    } finally {
      this.#statements.close()
      this.#database.close(true)
      this.#scrubber.close()
    }
  }
}

/** Makes the file and its directory if missing. An existing file is not opened: closing it would release SQLite's locks. */
function createPrivately(file: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    if (existsSync(file)) return
    closeSync(openSync(file, "wx", 0o600))
    synchronizeDirectory(file)
  } catch (error) {
    throw new StoreFailed(`the database ${file} cannot be made (${codeOf(error)})`)
  }
}

/** The exclusive lock comes before the log, so that the log's index is in memory and not in a file. */
function configure(database: Database, settings: typeof DEFAULTS): void {
  const wanted: readonly (readonly [pragma: string, value: string, verified: string | number])[] = [
    ["busy_timeout", "0", 0],
    ["locking_mode", "EXCLUSIVE", "exclusive"],
    ["page_size", `${settings.pageSize}`, settings.pageSize],
    ["auto_vacuum", "NONE", 0],
    ["journal_mode", "WAL", "wal"],
    ["synchronous", "FULL", 2],
    ["secure_delete", "ON", 1],
    ["wal_autocheckpoint", "0", 0],
    ["temp_store", "MEMORY", 2],
    ["foreign_keys", "OFF", 0],
    ["cell_size_check", "ON", 1],
    ["trusted_schema", "OFF", 0],
    ["cache_spill", "OFF", 0],
    ["mmap_size", "0", 0],
    ["cache_size", `-${Math.ceil(settings.cacheBytes / 1024)}`, -Math.ceil(settings.cacheBytes / 1024)],
    ["max_page_count", `${settings.pagesMax}`, settings.pagesMax],
  ]
  for (const [pragma, value] of wanted) database.run(`PRAGMA ${pragma} = ${value}`)
  for (const [pragma, , verified] of wanted) {
    using statement = database.prepare(`PRAGMA ${pragma}`)
    const actual = statement.values()[0]?.[0]
    if (actual === verified) continue
    throw new StoreIncompatible(`the setting ${pragma} should be ${verified}, but is ${actual}`)
  }
}

/** Makes the file's name durable. */
function synchronizeDirectory(file: string): void {
  const descriptor = openSync(dirname(file), "r")
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function explained(error: unknown, file: string): unknown {
  switch (codeOf(error)) {
    case "SQLITE_BUSY":
      return new StoreLocked(`another process has the database ${file} open: stop it first`)
    case "SQLITE_NOTADB":
    case "SQLITE_CORRUPT":
      return new StoreIncompatible(`${file} is not a database of this program, or it is damaged`)
    case "SQLITE_CANTOPEN":
    case "SQLITE_READONLY":
    case "SQLITE_PERM":
      return new StoreFailed(`the database ${file} cannot be opened for writing`)
    default:
      return error
  }
}
