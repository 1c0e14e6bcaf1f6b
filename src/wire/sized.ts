import { Writer } from "./tls.ts"

/**
 * Encodes a structure of at most `capacity` bytes into one buffer that is neither moved nor copied: wiping the
 * result wipes the only copy, which matters where it holds a key.
 */
export function encodeSized(capacity: number, write: (writer: Writer) => void): Uint8Array {
  const writer = new Writer(capacity)
  write(writer)
  return writer.view()
}
