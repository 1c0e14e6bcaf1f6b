import { closeSync, openSync, readFileSync, readSync } from "node:fs"

/**
 * Looks for secrets in the memory of another process, which stands still meanwhile. Every page that is there and that the
 * process could have written to is read: heaps, stacks, buffers, free blocks. The scanner runs in the test's process, so
 * nothing of what it looks for is put into the one that it looks at.
 */

const PAGE_BYTES = 4096
const PAGEMAP_ENTRY_BYTES = 8
/** Bit 63 or 62 of a page's entry, in its last byte: in memory, or swapped out. */
const THERE = 0xc0
const CHUNK_BYTES = 1024 * PAGE_BYTES
const FILTER_BITS = 19

/** Bytes to look for, with the name of what they belong to. */
export interface Pattern {
  readonly name: string
  readonly bytes: Uint8Array
}

/** A place where a pattern was found. */
export interface Sighting {
  readonly name: string
  readonly address: number
  /** The mapping as the kernel names it: a file, `[heap]`, `[stack]`, or nothing for anonymous memory. */
  readonly mapping: string
  /** What stands there, from at most 64 bytes before it on. */
  readonly around: Uint8Array
}

/** Many patterns that are searched for at once. None is shorter than four bytes. */
export class Patterns {
  readonly #byStart = new Map<number, Pattern[]>()
  readonly #filter = new Uint8Array(2 ** (FILTER_BITS - 3))
  readonly longest: number

  constructor(patterns: readonly Pattern[]) {
    for (const pattern of patterns) {
      const start = startOf(pattern.bytes, 0)
      this.#byStart.set(start, [...(this.#byStart.get(start) ?? []), pattern])
      const bit = hash(start)
      this.#filter[bit >>> 3]! |= 1 << (bit & 7)
    }
    this.longest = Math.max(4, ...patterns.map(({ bytes }) => bytes.length))
  }

  /** Calls `found` for each place at which a pattern begins before `end`. */
  search(memory: Uint8Array, end: number, found: (pattern: Pattern, at: number) => void): void {
    const filter = this.#filter
    const last = Math.min(end, memory.length - 3)
    let start = memory.length < 4 ? 0 : startOf(memory, 0) << 8
    for (let at = 0; at < last; at++) {
      start = (start >>> 8) | (memory[at + 3]! << 24)
      const bit = hash(start)
      if ((filter[bit >>> 3]! & (1 << (bit & 7))) === 0) continue
      for (const pattern of this.#byStart.get(start >>> 0) ?? [])
        if (matches(memory, at, pattern.bytes)) found(pattern, at)
    }
  }
}

function hash(start: number): number {
  return Math.imul(start, 0x9e3779b1) >>> (32 - FILTER_BITS)
}

function startOf(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}

function matches(memory: Uint8Array, at: number, bytes: Uint8Array): boolean {
  if (at + bytes.length > memory.length) return false
  for (let i = 0; i < bytes.length; i++) if (memory[at + i] !== bytes[i]) return false
  return true
}

interface Mapping {
  readonly start: number
  readonly end: number
  readonly name: string
}

/** Mappings that hold something which is not just a file's content. */
function mappingsOf(pid: number): Mapping[] {
  const mappings: Mapping[] = []
  let current: Mapping | undefined
  for (const line of readFileSync(`/proc/${pid}/smaps`, "utf8").split("\n")) {
    const head = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \d+ *(.*)$/.exec(line)
    if (head !== null) {
      const [, start = "", end = "", mode = "", name = ""] = head
      const readable = mode[0] === "r" && !["[vvar]", "[vsyscall]", "[vvar_vclock]"].includes(name)
      current = readable
        ? { start: Number.parseInt(start, 16), end: Number.parseInt(end, 16), name }
        : undefined
    } else if (current !== undefined && /^(?:Anonymous|Swap|Shared_Dirty|Private_Dirty): +[1-9]/.test(line)) {
      mappings.push(current)
      current = undefined
    }
  }
  return mappings
}

/** Runs of pages that are there. */
function* residentRuns(pagemap: number, { start, end }: Mapping): Generator<readonly [number, number]> {
  const pagesPerRead = 65_536
  const entries = Buffer.alloc(pagesPerRead * PAGEMAP_ENTRY_BYTES)
  let run: number | undefined
  for (let at = start; at < end; at += pagesPerRead * PAGE_BYTES) {
    const pages = Math.min(pagesPerRead, (end - at) / PAGE_BYTES)
    const bytes = readSync(
      pagemap,
      entries,
      0,
      pages * PAGEMAP_ENTRY_BYTES,
      (at / PAGE_BYTES) * PAGEMAP_ENTRY_BYTES,
    )
    for (let page = 0; page < bytes / PAGEMAP_ENTRY_BYTES; page++) {
      const there = (entries[page * PAGEMAP_ENTRY_BYTES + 7]! & THERE) !== 0
      if (there) run ??= at + page * PAGE_BYTES
      else if (run !== undefined) {
        yield [run, at + page * PAGE_BYTES]
        run = undefined
      }
    }
  }
  if (run !== undefined) yield [run, end]
}

/** What a scan read and found. */
export interface Scan {
  readonly bytes: number
  readonly sightings: readonly Sighting[]
}

/**
 * Stops the process, reads its memory, and lets it go on.
 *
 * @throws Error the system does not let this process look: it has to be the same user's, or root, and an ancestor where
 *   `kernel.yama.ptrace_scope` is 1
 */
export function scanMemory(pid: number, patterns: Patterns): Scan {
  process.kill(pid, "SIGSTOP")
  try {
    return scanStopped(pid, patterns)
  } finally {
    process.kill(pid, "SIGCONT")
  }
}

function scanStopped(pid: number, patterns: Patterns): Scan {
  const memory = openSync(`/proc/${pid}/mem`, "r")
  const pagemap = openSync(`/proc/${pid}/pagemap`, "r")
  const buffer = Buffer.alloc(CHUNK_BYTES + patterns.longest)
  const sightings: Sighting[] = []
  let total = 0
  try {
    for (const mapping of mappingsOf(pid)) {
      for (const [start, end] of residentRuns(pagemap, mapping)) {
        for (let at = start; at < end; at += CHUNK_BYTES) {
          const wanted = Math.min(buffer.length, end - at)
          const bytes = buffer.subarray(0, readSync(memory, buffer, 0, wanted, at))
          total += Math.min(bytes.length, CHUNK_BYTES)
          patterns.search(bytes, CHUNK_BYTES, ({ name }, offset) => {
            const around = Uint8Array.from(bytes.subarray(Math.max(0, offset - 64), offset + 128))
            sightings.push({ name, address: at + offset, mapping: mapping.name, around })
          })
        }
      }
    }
  } finally {
    closeSync(memory)
    closeSync(pagemap)
  }
  return { bytes: total, sightings }
}
