/**
 * Overwriting secrets. What a language runtime copied by itself is out of reach; these helpers keep our own
 * buffers from adding to it.
 */

/** Overwrites every buffer given with zeros; `undefined` is skipped. */
export function wipe(...buffers: readonly (Uint8Array | undefined)[]): void {
  for (const buffer of buffers) buffer?.fill(0)
}

/** From here on buffers are large: less is left to the garbage collection. */
const LARGE_BYTES = 32 * 1024

/**
 * Gives the memory of a large buffer back at once, of which `bytes` are the whole or a part; whoever else has a view of it
 * sees no bytes any more. Megabytes that wait for a collection have the next request take fresh pages, and a page costs more
 * to take than to encrypt.
 */
export function release(bytes: Uint8Array): void {
  if (bytes.length >= LARGE_BYTES) (bytes.buffer as ArrayBuffer).transfer(0)
}

/** {@link wipe} and {@link release}, for buffers of one's own that held secrets. */
export function discard(...buffers: readonly Uint8Array[]): void {
  wipe(...buffers)
  for (const buffer of buffers) release(buffer)
}

/** Whether every byte is zero, in a time that depends on the length alone; four bytes at a time where it can. */
export function isZero(bytes: Uint8Array): boolean {
  const lead = Math.min((4 - (bytes.byteOffset & 3)) & 3, bytes.length)
  const count = (bytes.length - lead) >>> 2
  // A view of no words would have to begin at a word all the same.
  const words = count === 0 ? [] : new Uint32Array(bytes.buffer, bytes.byteOffset + lead, count)
  let rest = 0
  for (let i = 0; i < lead; i++) rest |= bytes[i]!
  for (let i = 0; i < words.length; i++) rest |= words[i]!
  for (let i = lead + 4 * words.length; i < bytes.length; i++) rest |= bytes[i]!
  return rest === 0
}
