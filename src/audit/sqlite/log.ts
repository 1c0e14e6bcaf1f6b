import { Buffer } from "node:buffer"

/** A page in a write-ahead log, and the transaction that it belongs to. */
export interface LogFrame {
  readonly page: number
  readonly bytes: Buffer
  /** Counts the commits of the log, as far as they can be told apart. */
  readonly transaction: number
  /** Whether SQLite would read it: the log of its generation, and committed. */
  readonly committed: boolean
}

const HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const MAGICS = [0x377f0682, 0x377f0683]

interface Log {
  readonly frames: readonly LogFrame[]
  /** How many pages the database has by the log's last commit. */
  readonly pages: number | undefined
}

/**
 * All frames that can still be read, those from before the log began anew included: these have another salt, and SQLite passes
 * over them, but they hold what was written.
 */
export function readLog(log: Buffer, pageSize: number): Log {
  const frameBytes = FRAME_HEADER_BYTES + pageSize
  const hasHeader = log.length >= HEADER_BYTES && MAGICS.includes(log.readUInt32BE(0))
  const salt = hasHeader ? log.subarray(16, 24) : Buffer.alloc(8)
  const found: (Omit<LogFrame, "committed"> & { readonly current: boolean })[] = []
  let transaction = 0
  let end = 0
  let pages: number | undefined
  let current = hasHeader
  for (let at = HEADER_BYTES; at + frameBytes <= log.length; at += frameBytes) {
    const header = log.subarray(at, at + FRAME_HEADER_BYTES)
    const page = header.readUInt32BE(0)
    current &&= header.subarray(8, 16).equals(salt)
    if (page === 0) continue
    found.push({ page, bytes: log.subarray(at + FRAME_HEADER_BYTES, at + frameBytes), transaction, current })
    const committedPages = header.readUInt32BE(4)
    if (committedPages === 0) continue
    transaction += 1
    if (!current) continue
    end = found.length
    pages = committedPages
  }
  const frames = found.map(({ current: isCurrent, ...frame }, index) => {
    return { ...frame, committed: isCurrent && index < end }
  })
  return { frames, pages }
}
