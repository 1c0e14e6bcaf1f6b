import { fixedBuffer, fromUtf8 } from "./bytes.ts"
import { CodecError } from "./tls.ts"

/**
 * Single CBOR items (RFC 8949 section 3) in their shortest form: what `cbor.ts` and `cose.ts` are made of. Byte
 * strings that are read are views of the input, so that overwriting a request overwrites its keys.
 */

/** Major types (RFC 8949 section 3.1). */
export const MAJOR = {
  unsigned: 0,
  negative: 1,
  bytes: 2,
  text: 3,
  array: 4,
  map: 5,
  tag: 6,
  simple: 7,
} as const

/** Additional information of the simple values that are allowed. */
export const SIMPLE = { false: 20, true: 21, null: 22 } as const

const UINT32_RANGE = 0x1_0000_0000

/** Bytes of an item's head with argument `argument`. */
export function headLength(argument: number): number {
  if (argument < 24) return 1
  if (argument < 0x100) return 2
  if (argument < 0x1_0000) return 3
  return argument < UINT32_RANGE ? 5 : 9
}

/** Head of an item: its major type and its argument, a safe integer. */
export interface Head {
  readonly major: number
  readonly argument: number
}

/** Reads items from bytes; everything that is not in shortest form is a {@link CodecError}. */
export class ItemReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #offset = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get offset(): number {
    return this.#offset
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset
  }

  /** `length` bytes, as a view of the input. */
  take(length: number): Uint8Array {
    const at = this.#offset
    if (length > this.#bytes.length - at) throw new CodecError("truncated")
    this.#offset = at + length
    return this.#bytes.subarray(at, this.#offset)
  }

  #at(length: number): number {
    const at = this.#offset
    if (length > this.#bytes.length - at) throw new CodecError("truncated")
    this.#offset = at + length
    return at
  }

  /** What was read since `from`, as a view. */
  since(from: number): Uint8Array {
    return this.#bytes.subarray(from, this.#offset)
  }

  head(): Head {
    const first = this.#view.getUint8(this.#at(1))
    const major = first >> 5
    const short = first & 0x1f
    if (short < 24) return { major, argument: short }
    const argument = this.#longArgument(short)
    if (major === MAJOR.simple) throw new CodecError("simple value or float not allowed")
    return { major, argument }
  }

  #longArgument(short: number): number {
    switch (short) {
      case 24:
        return minimal(this.#view.getUint8(this.#at(1)), 24)
      case 25:
        return minimal(this.#view.getUint16(this.#at(2)), 0x100)
      case 26:
        return minimal(this.#view.getUint32(this.#at(4)), 0x1_0000)
      case 27: {
        const at = this.#at(8)
        const high = this.#view.getUint32(at)
        if (high > 0x1f_ffff) throw new CodecError("integer beyond 53 bits")
        return minimal(high * UINT32_RANGE + this.#view.getUint32(at + 4), UINT32_RANGE)
      }
      default:
        throw new CodecError("indefinite or reserved length")
    }
  }

  /** The argument of an item that must have this major type. */
  expect(major: number): number {
    const head = this.head()
    if (head.major !== major) throw new CodecError("unexpected type")
    return head.argument
  }

  /** A byte string, as a view of the input. */
  bytes(): Uint8Array {
    return this.take(this.expect(MAJOR.bytes))
  }

  /** The content of a text string whose head was read. */
  textContent(length: number): string {
    const content = this.take(length)
    try {
      return fromUtf8(content)
    } catch {
      throw new CodecError("text is not UTF-8")
    }
  }

  /** Refuses trailing bytes. */
  end(): void {
    if (this.remaining !== 0) throw new CodecError("trailing bytes")
  }
}

function minimal(argument: number, least: number): number {
  if (argument < least) throw new CodecError("not in shortest form")
  return argument
}

/** What a head of so many bytes says of its argument's length (RFC 8949 section 3). */
const ADDITIONAL = { 2: 24, 3: 25, 5: 26, 9: 27 } as const

/** Writes items into a buffer of known size. */
export class ItemWriter {
  readonly #buffer: Uint8Array
  #offset = 0

  constructor(size: number) {
    this.#buffer = fixedBuffer(size)
  }

  head(major: number, argument: number): this {
    const length = headLength(argument)
    const at = this.#offset
    this.#offset += length
    if (length === 1) {
      this.#buffer[at] = (major << 5) | argument
      return this
    }
    this.#buffer[at] = (major << 5) | ADDITIONAL[length as keyof typeof ADDITIONAL]
    for (let last = at + length - 1, rest = argument; last > at; last--) {
      this.#buffer[last] = rest % 256
      rest = Math.floor(rest / 256)
    }
    return this
  }

  raw(bytes: Uint8Array): this {
    this.#buffer.set(bytes, this.#offset)
    this.#offset += bytes.length
    return this
  }

  bytes(bytes: Uint8Array): this {
    return this.head(MAJOR.bytes, bytes.length).raw(bytes)
  }

  /** What was written: the writer's own buffer, which must be full. */
  finish(): Uint8Array {
    if (this.#offset !== this.#buffer.length) throw new CodecError("size of encoding")
    return this.#buffer
  }
}

/** Bytes of a byte or text string item with `length` bytes of content. */
export function stringLength(length: number): number {
  return headLength(length) + length
}
