/**
 * Overwriting secrets. What a language runtime copied by itself is out of reach; these helpers keep our own
 * buffers from adding to it.
 */

/** Overwrites every buffer given with zeros; `undefined` is skipped. */
export function wipe(...buffers: readonly (Uint8Array | undefined)[]): void {
  for (const buffer of buffers) buffer?.fill(0)
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
