import { FFIType, ptr } from "bun:ffi"
import { MEMORY_PAGE_BYTES } from "../limits.ts"
import { openLibrary } from "../system-library.ts"
import { readText } from "../system-text.ts"
import { fixedBuffer } from "../wire/bytes.ts"

/**
 * This process's own memory, as addresses (Linux). It is read and written through the kernel: a page that another thread
 * gives back meanwhile is an error and no crash, and, unlike `/proc/self/mem`, it works for whoever forbids others to look.
 */

const symbols = {
  process_vm_readv: {
    args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.ptr, FFIType.u64, FFIType.u64],
    returns: FFIType.i64,
  },
  process_vm_writev: {
    args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.ptr, FFIType.u64, FFIType.u64],
    returns: FFIType.i64,
  },
  mincore: { args: [FFIType.u64, FFIType.u64, FFIType.ptr], returns: FFIType.i32 },
} as const

type Library = NonNullable<ReturnType<typeof openLibrary<typeof symbols>>>

/** Addresses from `start` to before `end`. */
export interface Range {
  readonly start: number
  readonly end: number
  /** Whether they are of the first thread's stack. */
  readonly isStack: boolean
}

/** Pages that are asked for at a time whether they are there. */
const PAGES = 16_384

export class OwnMemory {
  readonly #library: Library
  /** Address and length here, then there: two `struct iovec`. */
  readonly #vectors = new BigUint64Array(new ArrayBuffer(32))
  readonly #there = fixedBuffer(PAGES)

  private constructor(library: Library) {
    this.#library = library
  }

  /** Undefined where the system has no such calls, or forbids them. */
  static open(): OwnMemory | undefined {
    const library = openLibrary(symbols)
    if (library === undefined) return undefined
    const memory = new OwnMemory(library)
    const [word, copy] = [fixedBuffer(8).fill(7), fixedBuffer(8)]
    const works = memory.read(addressOf(word), copy) && memory.write(addressOf(copy), copy)
    return works && copy.every((byte) => byte === 7) && memory.#tells(word) ? memory : undefined
  }

  /** Whether the system says of pages whether they are there; the one of these bytes is. */
  #tells(bytes: Uint8Array): boolean {
    const address = addressOf(bytes)
    const page = address - (address % MEMORY_PAGE_BYTES)
    return this.#library.mincore(page, MEMORY_PAGE_BYTES, ptr(this.#there)) === 0
  }

  /** Runs of pages that are there and can be written to, but for those that are a file's or another process's too. */
  *ranges(): Generator<Range> {
    for (const line of readText("/proc/self/maps").split("\n")) {
      const [, start, end] = /^([0-9a-f]+)-([0-9a-f]+) rw-p /.exec(line) ?? []
      if (start === undefined || end === undefined) continue
      const isStack = line.endsWith("[stack]")
      yield* this.#present({ start: Number.parseInt(start, 16), end: Number.parseInt(end, 16), isStack })
    }
  }

  *#present({ start, end, isStack }: Range): Generator<Range> {
    let from: number | undefined
    for (let at = start; at < end; at += PAGES * MEMORY_PAGE_BYTES) {
      const pages = Math.min(PAGES, (end - at) / MEMORY_PAGE_BYTES)
      const known = this.#library.mincore(at, pages * MEMORY_PAGE_BYTES, ptr(this.#there)) === 0
      for (let page = 0; page < pages; page++) {
        const address = at + page * MEMORY_PAGE_BYTES
        if (known && (this.#there[page]! & 1) === 1) from ??= address
        else if (from !== undefined) {
          yield { start: from, end: address, isStack }
          from = undefined
        }
      }
    }
    if (from !== undefined) yield { start: from, end, isStack }
  }

  /** Fills `into` with what is at the address. False: it is not there any more. */
  read(address: number, into: Uint8Array): boolean {
    return this.#transfer("process_vm_readv", address, into)
  }

  write(address: number, bytes: Uint8Array): boolean {
    return this.#transfer("process_vm_writev", address, bytes)
  }

  #transfer(call: "process_vm_readv" | "process_vm_writev", address: number, here: Uint8Array): boolean {
    if (here.length === 0) return true
    const length = BigInt(here.length)
    this.#vectors.set([BigInt(addressOf(here)), length, BigInt(address), length])
    const [vectors, there] = [ptr(this.#vectors), ptr(this.#vectors, 16)]
    return this.#library[call](process.pid, vectors, 1, there, 1, 0) === length
  }
}

/** Where the bytes are. They have to have a buffer of their own, which stays in its place. */
export function addressOf(bytes: Uint8Array): number {
  return ptr(bytes)
}
