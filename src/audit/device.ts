import { Buffer } from "node:buffer"
import { closeSync, fstatSync, openSync, readSync } from "node:fs"
import type { Audit } from "./audit.ts"
import { formsOf } from "./checks/known.ts"
import { CannotLook } from "./evidence.ts"
import { countedFinding } from "./finding.ts"

/** A raw device, or an image of one: what the file system does not show any more lies there as well. */

const CHUNK_BYTES = 4 * 1024 * 1024
const FILTER_BITS = 2 ** 24
const WORD_BYTES = 4

/** One way in which something known may be written down. */
interface Form {
  readonly thing: number
  readonly bytes: Buffer
}

export interface DeviceOptions {
  /** A block device or a file. */
  readonly path: string
  /** What only clients should have. */
  readonly known: readonly Uint8Array[]
  /** Called now and then with the bytes that were read, and how many there are; 0 where the system does not say. */
  readonly progress?: (read: number, all: number) => void
}

/** Searches every byte for what is known, whatever lies there, in a few megabytes of memory. Throws CannotLook. */
export function auditDevice({ path, known, progress }: DeviceOptions): Audit {
  const search = new Search(known)
  const read = readAll(path, search, progress)
  const places = [...search.found].map(([thing, at]) => `line ${thing + 1} of what is known, at byte ${at}`)
  const finding = countedFinding("finds", places.length, places, {
    clean: `None of ${known.length} things was found.`,
    leak: "What should be known to clients alone lies on the device, as it is or written down in another form: in a file, or in blocks that belong to none any more.",
  })
  const question = "Is anything on the device that only clients should have?"
  return {
    directories: [path],
    seen: [{ what: "bytes on the device", count: read }],
    findings: [{ id: "device", question, ...finding }],
  }
}

function readAll(path: string, search: Search, progress: DeviceOptions["progress"]): number {
  const handle = opened(path)
  try {
    const { size } = fstatSync(handle)
    const buffer = Buffer.alloc(search.longest + CHUNK_BYTES)
    let [kept, total] = [0, 0]
    for (;;) {
      const read = readSync(handle, buffer, kept, CHUNK_BYTES, total)
      if (read === 0) return total
      search.look(buffer.subarray(0, kept + read), total - kept)
      total += read
      progress?.(total, size)
      const rest = Math.min(search.longest, kept + read)
      buffer.copyWithin(0, kept + read - rest, kept + read)
      kept = rest
    }
  } catch (error) {
    throw new CannotLook(`${path} cannot be read${codeOf(error)}`)
  } finally {
    closeSync(handle)
  }
}

function opened(path: string): number {
  try {
    return openSync(path, "r")
  } catch (error) {
    throw new CannotLook(`${path} cannot be read${codeOf(error)}`)
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? ` (${error.code})` : ""
}

/** Looks for all forms at once: by their first four bytes, and by one bit for each of these before. */
class Search {
  /** Things that were found, and where first. */
  readonly found = new Map<number, number>()
  /** Bytes of the longest form. */
  readonly longest: number
  readonly #forms: ReadonlyMap<number, readonly Form[]>
  readonly #filter = new Uint32Array(FILTER_BITS / 32)

  constructor(known: readonly Uint8Array[]) {
    const forms = known.flatMap((bytes, thing) =>
      formsOf(bytes).map((form): Form => ({ thing, bytes: form })),
    )
    this.longest = Math.max(0, ...forms.map(({ bytes }) => bytes.length))
    this.#forms = Map.groupBy(forms, ({ bytes }) => bytes.readInt32BE(0))
    for (const word of this.#forms.keys()) {
      const hash = hashOf(word)
      this.#filter[hash >>> 5] = (this.#filter[hash >>> 5] as number) | (1 << (hash & 31))
    }
  }

  /** `offset`: where the bytes begin on the device. */
  look(bytes: Buffer, offset: number): void {
    let word = 0
    for (let at = 0; at < bytes.length; at++) {
      word = (word << 8) | (bytes[at] as number)
      const hash = hashOf(word)
      if (((this.#filter[hash >>> 5] as number) & (1 << (hash & 31))) === 0) continue
      this.#compare(bytes, at + 1 - WORD_BYTES, word, offset)
    }
  }

  #compare(bytes: Buffer, begin: number, word: number, offset: number): void {
    if (begin < 0) return
    for (const { thing, bytes: form } of this.#forms.get(word) ?? []) {
      if (this.found.has(thing) || begin + form.length > bytes.length) continue
      if (form.equals(bytes.subarray(begin, begin + form.length))) this.found.set(thing, offset + begin)
    }
  }
}

function hashOf(word: number): number {
  const mixed = Math.imul(word, 0x9e3779b1)
  return (mixed ^ (mixed >>> 15)) & (FILTER_BITS - 1)
}
