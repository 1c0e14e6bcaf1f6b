import { Buffer } from "node:buffer"
import { type LogFrame, readLog } from "./log.ts"

/**
 * A database file with its write-ahead log, read without SQLite, as whoever took the disk would read it: SQLite shows what is
 * there, and nothing of what was. The format is https://sqlite.org/fileformat2.html.
 */

/** The file is not what its first bytes say; of a damaged file nothing can be promised. */
export class ImageDamaged extends Error {
  override readonly name = "ImageDamaged"
}

const MAGIC = Buffer.from("SQLite format 3\0")
export const FILE_HEADER_BYTES = 100
const PAGE_BYTES_MIN = 512

/** Whether a file begins like a database. */
export function isDatabase(bytes: Uint8Array): boolean {
  return bytes.length >= FILE_HEADER_BYTES && MAGIC.equals(bytes.subarray(0, MAGIC.length))
}

export class DatabaseImage {
  readonly file: Buffer
  readonly log: Buffer
  readonly pageSize: number
  /** What of a page holds content: some extensions keep the rest for themselves. */
  readonly usableBytes: number
  readonly encoding: "utf-8" | "utf-16le" | "utf-16be"
  /** Every frame of the log that is whole, older ones included. */
  readonly frames: readonly LogFrame[]
  readonly pageCount: number
  readonly #latest = new Map<number, Buffer>()

  /** Throws ImageDamaged. `log` is empty if there is none. */
  constructor(file: Uint8Array, log: Uint8Array) {
    this.file = asBuffer(file)
    this.log = asBuffer(log)
    if (!isDatabase(file)) throw new ImageDamaged("no database")
    const size = this.file.readUInt16BE(16)
    this.pageSize = size === 1 ? 65_536 : size
    if (this.pageSize < PAGE_BYTES_MIN || (this.pageSize & (this.pageSize - 1)) !== 0)
      throw new ImageDamaged("page size")
    this.usableBytes = this.pageSize - this.file.readUInt8(20)
    if (this.usableBytes < 480) throw new ImageDamaged("reserved bytes")
    const { frames, pages } = readLog(this.log, this.pageSize)
    this.frames = frames
    for (const frame of frames) if (frame.committed) this.#latest.set(frame.page, frame.bytes)
    const filePages = Math.floor(this.file.length / this.pageSize)
    this.pageCount = pages ?? filePages
    if (this.pageCount > filePages + frames.length) throw new ImageDamaged("number of pages")
    // A database that was never checkpointed has its header in the log.
    this.encoding = encodingOf((this.#latest.get(1) ?? this.file).readUInt32BE(56))
  }

  /** A page as a reader would get it: out of the log if it is there. Pages count from 1. Throws ImageDamaged. */
  page(number: number): Buffer {
    if (!Number.isInteger(number) || number < 1 || number > this.pageCount)
      throw new ImageDamaged("page number")
    return this.#latest.get(number) ?? this.filePage(number)
  }

  /** A page as it is in the file, which may be older. */
  filePage(number: number): Buffer {
    const begin = (number - 1) * this.pageSize
    const page = this.file.subarray(begin, begin + this.pageSize)
    if (page.length !== this.pageSize) throw new ImageDamaged("file length")
    return page
  }
}

function encodingOf(code: number): DatabaseImage["encoding"] {
  // A database in which nothing was ever made has none.
  if (code === 0 || code === 1) return "utf-8"
  if (code === 2) return "utf-16le"
  if (code === 3) return "utf-16be"
  throw new ImageDamaged("text encoding")
}

/** The same memory. */
function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}
