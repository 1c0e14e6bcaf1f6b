import type { Database } from "bun:sqlite"
import { closeSync, fdatasyncSync, fstatSync, ftruncateSync, futimesSync, openSync, writeSync } from "node:fs"
import { beginningOfMonth } from "../month.ts"
import { StoreFailed } from "./database.ts"
import { codeOf } from "./error-code.ts"
import { clearResidue, FRAME_HEADER_BYTES, LOG_HEADER_BYTES } from "./residue.ts"

/**
 * Scrubbing: the write-ahead log holds, commit by commit, what was written together and what has been deleted
 * since. So it is copied into the database, completely, and then overwritten with zeros in place; truncating or
 * deleting it instead would leave its blocks on the disk as they are.
 *
 * The order of the steps makes a crash between any two of them harmless:
 * 1. checkpoint: the database file holds everything, durably;
 * 2. what the pages just written show of the past is cleared (`residue.ts`);
 * 3. the log's header becomes zeros, durably: from here on there is no log to recover;
 * 4. the rest becomes zeros, durably.
 * 5. the times of both files become the month's beginning: they would be those of somebody's last message.
 * With 3 after 4, a crash could leave a valid beginning of the log, whose old pages recovery would put in front of
 * the database's newer ones. SQLite itself reads nothing of a log that is completely checkpointed, and starts the
 * next one at its beginning with a new header.
 */

/** What a step of scrubbing has just finished; for tests that end the process there. */
export type ScrubStep = "checkpoint" | "residue" | "header" | "chunk" | "end"

export interface ScrubOptions {
  /** At the latest this long after a commit, the log is scrubbed. 0: before anybody is told of the commit. */
  readonly delayMs: number
  /** And when no other commit followed for so long, or for some times as long as the last scrub took. */
  readonly quietMs: number
  /** Beyond this length the log is scrubbed at once. Its file has this one, a quarter of it or four times it: {@link lengthFor}. */
  readonly logBytesMax: number
  /** A scrub that was due failed. It is tried again after the delay. */
  readonly fault: (error: unknown) => void
  readonly step?: ((step: ScrubStep) => void) | undefined
}

/** So many times as long as the last scrub took it has to be quiet: then scrubbing takes a fifth of the time at most, on any disk. */
const QUIET_SHARE = 4
/** How long the log's file may be, in parts of the length at which it is scrubbed. */
const LOG_LENGTHS = [0.25, 1, 4] as const

const ZEROS = new Uint8Array(256 * 1024)

export class Scrubber {
  readonly #database: Database
  readonly #logFile: string
  /** Held open as long as the database is: closing any descriptor of its file would release SQLite's locks. */
  readonly #file: number
  readonly #pageSize: number
  readonly #frameBytes: number
  readonly #options: ScrubOptions
  #log: number | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #quiet: ReturnType<typeof setTimeout> | undefined
  #quietMs: number
  #immediate: ReturnType<typeof setImmediate> | undefined
  #clean = false
  /** Something may lie behind the frames that the log counts: after opening and after a rollback. */
  #suspectWhole = true

  /** Only for a database that is locked exclusively. */
  constructor(database: Database, file: string, pageSize: number, options: ScrubOptions) {
    this.#database = database
    this.#logFile = `${file}-wal`
    this.#file = openSync(file, "r+")
    this.#pageSize = pageSize
    this.#frameBytes = FRAME_HEADER_BYTES + pageSize
    this.#options = options
    this.#quietMs = options.quietMs
  }

  /** A transaction was committed. */
  committed(): void {
    this.#clean = false
    if (this.#options.delayMs === 0) {
      this.scrub()
      return
    }
    this.#timer ??= setTimeout(() => this.#due(), this.#options.delayMs)
    clearTimeout(this.#quiet)
    this.#quiet = setTimeout(() => this.#due(), Math.min(this.#quietMs, this.#options.delayMs))
    if (this.#immediate !== undefined) return
    if (this.#checkpoint("NOOP").log * this.#frameBytes > this.#options.logBytesMax) {
      this.#immediate = setImmediate(() => this.#due())
    }
  }

  /** A transaction was rolled back. */
  rolledBack(): void {
    this.#clean = false
    this.#suspectWhole = true
    this.#timer ??= setTimeout(() => this.#due(), this.#options.delayMs)
  }

  /** Scrubs now, unless nothing was written since the last time. @throws StoreFailed the log is still in use */
  scrub(): void {
    this.#disarm()
    if (this.#clean) return
    const began = performance.now()
    const { busy, log, checkpointed } = this.#checkpoint("RESTART")
    if (busy !== 0 || log !== checkpointed) throw new StoreFailed("the log could not be copied completely")
    this.#options.step?.("checkpoint")
    this.#log ??= openIfPresent(this.#logFile)
    if (this.#log !== undefined) {
      clearResidue(this.#log, this.#file, log, this.#pageSize)
      this.#options.step?.("residue")
      this.#overwrite(this.#log, log)
    }
    for (const descriptor of [this.#file, this.#log]) if (descriptor !== undefined) coarsenTimes(descriptor)
    this.#clean = true
    this.#suspectWhole = false
    this.#quietMs = Math.max(this.#options.quietMs, QUIET_SHARE * (performance.now() - began))
    this.#options.step?.("end")
  }

  /** Cancels what is due and lets go of the files. Scrub before, and close the database before. */
  close(): void {
    this.#disarm()
    if (this.#log !== undefined) closeSync(this.#log)
    closeSync(this.#file)
  }

  #overwrite(descriptor: number, frames: number): void {
    const size = fstatSync(descriptor).size
    const counted = LOG_HEADER_BYTES + frames * this.#frameBytes
    const end = this.#suspectWhole ? size : Math.min(size, counted)
    writeZeros(descriptor, 0, Math.min(LOG_HEADER_BYTES, end))
    fdatasyncSync(descriptor)
    this.#options.step?.("header")
    for (let at = LOG_HEADER_BYTES; at < end; at += ZEROS.length) {
      writeZeros(descriptor, at, Math.min(ZEROS.length, end - at))
      this.#options.step?.("chunk")
    }
    const length = lengthFor(size, this.#options.logBytesMax)
    if (size < length) lengthen(descriptor, size, length)
    fdatasyncSync(descriptor)
    if (size > length) ftruncateSync(descriptor, length)
  }

  #checkpoint(mode: "NOOP" | "RESTART"): { busy: number; log: number; checkpointed: number } {
    const result = this.#database
      .query<{ busy: number; log: number; checkpointed: number }, []>(`PRAGMA wal_checkpoint(${mode})`)
      .get()
    if (result === null) throw new StoreFailed("the log could not be examined")
    return result
  }

  #due(): void {
    try {
      this.scrub()
    } catch (error) {
      this.#timer ??= setTimeout(() => this.#due(), this.#options.delayMs)
      this.#options.fault(error)
    }
  }

  #disarm(): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#quiet)
    clearImmediate(this.#immediate)
    this.#timer = undefined
    this.#quiet = undefined
    this.#immediate = undefined
  }
}

/**
 * The length of the log's file after it was this long: one of few, so that it does not tell how much was written at once.
 * It does not shrink to the shortest each time, because room that was given back has to be found again.
 */
function lengthFor(size: number, logBytesMax: number): number {
  const lengths = LOG_LENGTHS.map((times) => times * logBytesMax)
  return lengths.find((length) => size <= length) ?? (lengths.at(-1) as number)
}

/** As far as the disk has room for it. */
function lengthen(descriptor: number, from: number, to: number): void {
  try {
    writeZeros(descriptor, from, to - from)
  } catch (error) {
    if (!["ENOSPC", "EFBIG", "EDQUOT"].includes(codeOf(error))) throw error
  }
}

function coarsenTimes(descriptor: number): void {
  const month = beginningOfMonth(new Date())
  futimesSync(descriptor, month, month)
}

function writeZeros(descriptor: number, at: number, bytes: number): void {
  for (let written = 0; written < bytes; ) {
    written += writeSync(descriptor, ZEROS, 0, Math.min(ZEROS.length, bytes - written), at + written)
  }
}

function openIfPresent(file: string): number | undefined {
  try {
    return openSync(file, "r+")
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined
    throw error
  }
}
