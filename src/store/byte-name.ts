import { Buffer } from "node:buffer"

/** A byte string as a name in memory, such as a map's key: one character for each byte. Not for secrets: it cannot be wiped. */
export function byteName(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1")
}
