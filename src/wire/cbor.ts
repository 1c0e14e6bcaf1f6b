import { FORMAT_VERSION } from "../limits.ts"
import { compare, utf8 } from "./bytes.ts"
import { headLength, ItemReader, ItemWriter, MAJOR, SIMPLE, stringLength } from "./cbor-item.ts"
import { CodecError } from "./tls.ts"

/**
 * Deterministic CBOR (RFC 8949 section 4.2.1), for request and response bodies.
 *
 * Allowed are maps with text keys (plain objects), arrays, byte strings, text, booleans, null and integers of at
 * most 53 bits; no floats, tags, undefined, indefinite lengths. Encoding allocates once and keeps nothing.
 * Decoding accepts only what encoding produces and never builds the value twice: decoded byte strings are **views of the
 * input**, so that overwriting a body overwrites every key in it. Copy what has to outlive the body.
 */

/** How deep maps and arrays may nest. */
export const CBOR_DEPTH_MAX = 16

const PROTO = "__proto__"

type CborMap = Record<string, unknown>

/** Bytes of the encoding. Refuses whatever has no place in it. */
function sizeOf(value: unknown, depth: number): number {
  switch (typeof value) {
    case "boolean":
      return 1
    case "number":
      if (!Number.isSafeInteger(value)) throw new CodecError("number is not a safe integer")
      return headLength(value < 0 ? -1 - value : value)
    case "string":
      return stringLength(utf8Length(value))
    case "object":
      if (value === null) return 1
      if (value instanceof Uint8Array) return stringLength(value.length)
      return containerSize(value, depth + 1)
    default:
      throw new CodecError("type not allowed")
  }
}

function containerSize(value: object, depth: number): number {
  if (depth > CBOR_DEPTH_MAX) throw new CodecError("nested too deeply")
  if (Array.isArray(value)) {
    let size = headLength(value.length)
    for (const item of value) size += sizeOf(item, depth)
    return size
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw new CodecError("type not allowed")
  const entries = Object.entries(value)
  let size = headLength(entries.length)
  for (const [key, item] of entries) {
    if (key === PROTO) throw new CodecError("key not allowed")
    size += sizeOf(key, depth) + sizeOf(item, depth)
  }
  return size
}

function utf8Length(text: string): number {
  let length = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    if (unit >= 0xd800 && unit < 0xe000) {
      const next = text.charCodeAt(i + 1)
      if (unit >= 0xdc00 || !(next >= 0xdc00 && next < 0xe000))
        throw new CodecError("text is not well-formed")
      length += 2
      i += 1
    } else length += unit < 0x800 ? 1 : 2
  }
  return length
}

function write(writer: ItemWriter, value: unknown): void {
  if (value === null) writer.head(MAJOR.simple, SIMPLE.null)
  else if (typeof value === "boolean") writer.head(MAJOR.simple, value ? SIMPLE.true : SIMPLE.false)
  else if (typeof value === "number") {
    if (value < 0) writer.head(MAJOR.negative, -1 - value)
    else writer.head(MAJOR.unsigned, value)
  } else if (typeof value === "string") writeText(writer, utf8(value))
  else if (value instanceof Uint8Array) writer.bytes(value)
  else if (Array.isArray(value)) {
    writer.head(MAJOR.array, value.length)
    for (const item of value) write(writer, item)
  } else writeMap(writer, value as CborMap)
}

function writeText(writer: ItemWriter, content: Uint8Array): void {
  writer.head(MAJOR.text, content.length).raw(content)
}

/** Order of encoded text keys: heads are minimal, so that shorter comes first. */
function compareKeys(a: Uint8Array, b: Uint8Array): number {
  return a.length - b.length || compare(a, b)
}

function writeMap(writer: ItemWriter, map: CborMap): void {
  const entries = Object.entries(map).map(([key, item]) => ({ key: utf8(key), item }))
  entries.sort((a, b) => compareKeys(a.key, b.key))
  writer.head(MAJOR.map, entries.length)
  for (const { key, item } of entries) {
    writeText(writer, key)
    write(writer, item)
  }
}

function read(reader: ItemReader, depth: number): unknown {
  const { major, argument } = reader.head()
  switch (major) {
    case MAJOR.unsigned:
      return argument
    case MAJOR.negative:
      if (argument === Number.MAX_SAFE_INTEGER) throw new CodecError("integer beyond 53 bits")
      return -1 - argument
    case MAJOR.bytes:
      return reader.take(argument)
    case MAJOR.text:
      return reader.textContent(argument)
    case MAJOR.array:
      return readArray(reader, argument, depth + 1)
    case MAJOR.map:
      return readMap(reader, argument, depth + 1)
    case MAJOR.simple:
      if (argument === SIMPLE.null) return null
      if (argument === SIMPLE.true || argument === SIMPLE.false) return argument === SIMPLE.true
      throw new CodecError("simple value or float not allowed")
    default:
      throw new CodecError("tag not allowed")
  }
}

function readArray(reader: ItemReader, count: number, depth: number): unknown[] {
  checkContainer(reader, count, depth)
  const items: unknown[] = []
  for (let i = 0; i < count; i++) items.push(read(reader, depth))
  return items
}

function readMap(reader: ItemReader, count: number, depth: number): CborMap {
  checkContainer(reader, 2 * count, depth)
  const map: CborMap = {}
  let previous: Uint8Array | undefined
  for (let i = 0; i < count; i++) {
    const length = reader.expect(MAJOR.text)
    const at = reader.offset
    const key = reader.textContent(length)
    const encoded = reader.since(at)
    if (previous !== undefined && compareKeys(previous, encoded) >= 0)
      throw new CodecError("map keys out of order")
    if (key === PROTO) throw new CodecError("key not allowed")
    previous = encoded
    map[key] = read(reader, depth)
  }
  return map
}

function checkContainer(reader: ItemReader, items: number, depth: number): void {
  if (depth > CBOR_DEPTH_MAX) throw new CodecError("nested too deeply")
  if (items > reader.remaining) throw new CodecError("truncated")
}

function encodeAfter(prefix: Uint8Array, value: unknown): Uint8Array {
  const writer = new ItemWriter(prefix.length + sizeOf(value, 0)).raw(prefix)
  write(writer, value)
  return writer.finish()
}

const NO_PREFIX = new Uint8Array(0)
const VERSION_PREFIX = Uint8Array.of(FORMAT_VERSION)

/** Encodes one value. Throws {@link CodecError} on a type that has no place in the encoding, `undefined` included. */
export function encodeCbor(value: unknown): Uint8Array {
  return encodeAfter(NO_PREFIX, value)
}

/** Decodes one value that fills `bytes`; byte strings are views. Throws {@link CodecError} on anything else. */
export function decodeCbor(bytes: Uint8Array): unknown {
  const reader = new ItemReader(bytes)
  const value = read(reader, 0)
  reader.end()
  return value
}

/** A versioned body: 0x01 || CBOR. */
export function encodeBody(value: unknown): Uint8Array {
  return encodeAfter(VERSION_PREFIX, value)
}

/** The reverse of {@link encodeBody}; refuses other versions with {@link CodecError}. */
export function decodeBody(bytes: Uint8Array): unknown {
  if (bytes[0] !== FORMAT_VERSION) throw new CodecError("body version")
  return decodeCbor(bytes.subarray(1))
}
