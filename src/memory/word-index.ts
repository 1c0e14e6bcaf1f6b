/** An index by words of memory, open-addressed: 0 is an empty place. */

const INDEX_BITS = 16
const MASK = 2 ** INDEX_BITS - 1

/** A word that many others have in common, or hash to, is not looked for: no choice of secrets makes the search slow. */
export const PROBES_MAX = 32

export function emptyIndex(): Uint16Array {
  return new Uint16Array(2 ** INDEX_BITS)
}

/** The first place of a word. */
export function placeOf(word: number): number {
  return Math.imul(word, 0x9e3779b1) >>> (32 - INDEX_BITS)
}

export function nextPlace(place: number): number {
  return (place + 1) & MASK
}
