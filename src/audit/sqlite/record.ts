import { Buffer } from "node:buffer"
import { type DatabaseImage, ImageDamaged } from "./image.ts"
import { readVarint } from "./varint.ts"

/** What a column of a row holds. Blobs are views of the file. */
export type Value = Buffer | string | number | null

/** Decodes a record, the payload of a cell. Throws ImageDamaged. */
export function decodeRecord(payload: Buffer, encoding: DatabaseImage["encoding"]): Value[] {
  const header = readVarint(payload, 0)
  if (header.value > payload.length) throw new ImageDamaged("record header")
  const values: Value[] = []
  let at = header.value
  for (let read = header.end; read < header.value; ) {
    const type = readVarint(payload, read)
    read = type.end
    const length = contentLength(type.value)
    if (at + length > payload.length) throw new ImageDamaged("record length")
    values.push(decodeValue(type.value, payload.subarray(at, at + length), encoding))
    at += length
  }
  return values
}

const FIXED_LENGTHS = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0]

function contentLength(type: number): number {
  if (type >= 12) return Math.floor((type - 12) / 2)
  const length = FIXED_LENGTHS[type]
  if (length === undefined) throw new ImageDamaged("serial type")
  return length
}

function decodeValue(type: number, content: Buffer, encoding: DatabaseImage["encoding"]): Value {
  if (type === 0) return null
  if (type === 6) return Number(content.readBigInt64BE(0))
  if (type === 7) return content.readDoubleBE(0)
  if (type === 8 || type === 9) return type - 8
  if (type < 6) return content.readIntBE(0, content.length)
  if (type % 2 === 0) return content
  if (encoding === "utf-8") return content.toString("utf8")
  if (content.length % 2 !== 0) throw new ImageDamaged("length of a text")
  return (encoding === "utf-16le" ? content : Buffer.from(content).swap16()).toString("utf16le")
}
