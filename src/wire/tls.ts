import { fixedBuffer } from "./bytes.ts"

/**
 * TLS presentation language (RFC 8446 section 3) with RFC 9420's variable-size vector headers (section 2.1.2).
 *
 * Decoding is strict: a vector header that is not minimal, a truncated value and trailing bytes are all refused
 * with {@link CodecError}, so that `encode(decode(x))` equals `x` for every accepted `x`. A reader never
 * allocates more than the input holds.
 */

/** Bytes that are not a canonical encoding of what was expected. The message never holds the bytes. */
export class CodecError extends Error {
  override readonly name = "CodecError"
}

/** The largest length a variable-size vector header can carry (30 bits). */
export const VECTOR_LENGTH_MAX = 0x3fff_ffff

/** Of a vector that could be of any length. */
const LONGEST_HEADER_BYTES = 4

/** Numbers are put together from bytes, here and in the {@link Reader}: that is quicker than a DataView. */
export class Writer {
  #buffer: Uint8Array
  #length = 0

  constructor(capacity = 256) {
    this.#buffer = fixedBuffer(capacity)
  }

  get length(): number {
    return this.#length
  }

  #grow(more: number): number {
    const at = this.#length
    const needed = at + more
    if (needed > this.#buffer.length) {
      const larger = fixedBuffer(Math.max(needed, 2 * this.#buffer.length))
      larger.set(this.#buffer.subarray(0, at))
      this.#buffer.fill(0, 0, at)
      this.#buffer = larger
    }
    this.#length = needed
    return at
  }

  u8(value: number): this {
    const at = this.#grow(1)
    this.#buffer[at] = value
    return this
  }

  u16(value: number): this {
    const at = this.#grow(2)
    this.#buffer[at] = value >>> 8
    this.#buffer[at + 1] = value
    return this
  }

  u32(value: number): this {
    const at = this.#grow(4)
    const buffer = this.#buffer
    buffer[at] = value >>> 24
    buffer[at + 1] = value >>> 16
    buffer[at + 2] = value >>> 8
    buffer[at + 3] = value
    return this
  }

  u64(value: bigint): this {
    return this.u32(Number(BigInt.asUintN(32, value >> 32n))).u32(Number(BigInt.asUintN(32, value)))
  }

  /** Fixed-size bytes, without a header. */
  raw(bytes: Uint8Array): this {
    const at = this.#grow(bytes.length)
    this.#buffer.set(bytes, at)
    return this
  }

  /** The header of a variable-size vector of `length` bytes (RFC 9420 section 2.1.2). */
  vectorHeader(length: number): this {
    if (length < 0x40) return this.u8(length)
    if (length < 0x4000) return this.u16(0x4000 | length)
    if (length <= VECTOR_LENGTH_MAX) return this.u32((0x8000_0000 | length) >>> 0)
    throw new CodecError("vector too long")
  }

  /** `opaque bytes<V>`. */
  opaque(bytes: Uint8Array): this {
    return this.vectorHeader(bytes.length).raw(bytes)
  }

  /** A variable-size vector of structures. */
  vector<T>(items: Iterable<T>, write: (writer: Writer, item: T) => void): this {
    const header = this.#grow(LONGEST_HEADER_BYTES)
    const content = this.#length
    for (const item of items) write(this, item)
    const length = this.#length - content
    this.#length = header
    this.vectorHeader(length)
    if (this.#length < content) this.#buffer.copyWithin(this.#length, content, content + length)
    this.#length += length
    // What is behind the end is zero.
    this.#buffer.fill(0, this.#length, content + length)
    return this
  }

  /** `optional<T>` (RFC 9420 section 2.1.1). */
  optional<T>(value: T | undefined, write: (writer: Writer, value: T) => void): this {
    if (value === undefined) return this.u8(0)
    this.u8(1)
    write(this, value)
    return this
  }

  /** Zeros up to a length in all. */
  padTo(length: number): this {
    this.#grow(Math.max(0, length - this.#length))
    return this
  }

  /** What was written, as a view of the writer's own buffer. */
  view(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  /** What was written, as a copy of its own. */
  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length)
  }

  /** Overwrites what was written; for writers that held secrets. */
  wipe(): void {
    this.#buffer.fill(0, 0, this.#length)
    this.#length = 0
  }
}

export class Reader {
  readonly #bytes: Uint8Array
  #offset: number

  /** Reads from an offset on, to the end. */
  constructor(bytes: Uint8Array, from = 0) {
    this.#bytes = bytes
    this.#offset = from
  }

  get offset(): number {
    return this.#offset
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset
  }

  #take(length: number): number {
    const at = this.#offset
    if (length > this.#bytes.length - at) throw new CodecError("truncated")
    this.#offset = at + length
    return at
  }

  u8(): number {
    return this.#bytes[this.#take(1)]!
  }

  u16(): number {
    const at = this.#take(2)
    const bytes = this.#bytes
    return (bytes[at]! << 8) | bytes[at + 1]!
  }

  u32(): number {
    const at = this.#take(4)
    const bytes = this.#bytes
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  }

  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32())
  }

  /** Fixed-size bytes, as a view of the input. */
  raw(length: number): Uint8Array {
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  /** The length in a vector header; refuses headers that are not minimal. */
  vectorHeader(): number {
    const first = this.u8()
    const prefix = first >> 6
    if (prefix === 0) return first
    if (prefix === 1) {
      const length = ((first & 0x3f) << 8) | this.u8()
      if (length < 0x40) throw new CodecError("vector length not minimal")
      return length
    }
    if (prefix === 2) {
      const length = ((first & 0x3f) << 24) | (this.u8() << 16) | this.u16()
      if (length < 0x4000) throw new CodecError("vector length not minimal")
      return length
    }
    throw new CodecError("vector length invalid")
  }

  /** Passes over fixed-size bytes. */
  skip(length: number): this {
    this.#take(length)
    return this
  }

  /** Passes over an `opaque<V>`. */
  skipOpaque(): this {
    return this.skip(this.vectorHeader())
  }

  /** `opaque<V>`, as a view of the input. */
  opaque(): Uint8Array {
    return this.raw(this.vectorHeader())
  }

  /** A variable-size vector of structures; `read` must consume it exactly. */
  vector<T>(read: (reader: Reader) => T): T[] {
    const inner = new Reader(this.opaque())
    const items: T[] = []
    while (inner.remaining > 0) {
      const before = inner.offset
      items.push(read(inner))
      if (inner.offset === before) throw new CodecError("empty vector element")
    }
    return items
  }

  optional<T>(read: (reader: Reader) => T): T | undefined {
    const present = this.u8()
    if (present === 0) return undefined
    if (present !== 1) throw new CodecError("optional marker invalid")
    return read(this)
  }

  /** Refuses trailing bytes. */
  end(): void {
    if (this.remaining !== 0) throw new CodecError("trailing bytes")
  }
}

/** Decodes the whole of `bytes` with `read`. */
export function decodeAll<T>(bytes: Uint8Array, read: (reader: Reader) => T): T {
  const reader = new Reader(bytes)
  const value = read(reader)
  reader.end()
  return value
}

/** Encodes one value with `write`. */
export function encodeWith<T>(value: T, write: (writer: Writer, value: T) => void): Uint8Array {
  const writer = new Writer()
  write(writer, value)
  return writer.finish()
}
