import type { Buffer } from "node:buffer"
import { ImageDamaged } from "./image.ts"

/** A number of one to nine bytes, and where it ends. */
export interface Varint {
  readonly value: number
  readonly end: number
}

/** Reads a varint as an unsigned number; beyond 2^53 it is rounded. Throws ImageDamaged. */
export function readVarint(bytes: Buffer, at: number): Varint {
  let value = 0
  for (let index = 0; index < 9; index++) {
    const byte = bytes[at + index]
    if (byte === undefined) throw new ImageDamaged("varint")
    if (index === 8) return { value: value * 256 + byte, end: at + 9 }
    value = value * 128 + (byte & 0x7f)
    if (byte < 0x80) return { value, end: at + index + 1 }
  }
  throw new ImageDamaged("varint")
}
